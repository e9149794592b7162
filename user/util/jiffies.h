/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

/* The kernel's count of ticks, as bpf_jiffies64 has it, and how long one is. */
__u64 clock_jiffies(void);
__u64 clock_jiffy_ns(void);
