/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/util/result.h"

/* Reports the first entry of the pin directory that xdp-ratelimit did not create. The directory is
 * foreign input until this has passed. */
enum exit_code pin_check(const char *pin_dir);
