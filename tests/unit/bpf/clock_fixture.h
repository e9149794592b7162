/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The clocks that bpf/limit/source_limits.h expects, set by the test: one per thread, as each CPU
 * has its own. Include this first. */

#include <linux/types.h>

static __thread __u64 fake_boot_ns;
static __thread __u32 fake_jiffies;

static inline __u64 xrl_boot_ns(void)
{
	return fake_boot_ns;
}

static inline __u32 xrl_jiffies(void)
{
	return fake_jiffies;
}
