/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>

/* libbpf's messages go to standard error if `verbose`, and nowhere otherwise. */
void libbpf_log_enable(bool verbose);
