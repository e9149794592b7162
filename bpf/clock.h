/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Never set back, and goes on while the machine sleeps (5.8). */
static __always_inline __u64 xrl_boot_ns(void)
{
	return bpf_ktime_get_boot_ns();
}

static __always_inline __u32 xrl_jiffies(void)
{
	return bpf_jiffies64();
}
