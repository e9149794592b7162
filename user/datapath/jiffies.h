/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

/* The kernel's tick count, as bpf_jiffies64() returns it. */
__u64 jiffies_now(void);
