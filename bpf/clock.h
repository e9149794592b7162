/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Nanoseconds of CLOCK_BOOTTIME: it never steps back and advances during suspend. Since 5.8. Takes
 * about 45 ns to read. */
static __always_inline __u64 xrl_boot_ns(void)
{
	return bpf_ktime_get_boot_ns();
}

static __always_inline __u32 xrl_jiffies(void)
{
	return bpf_jiffies64();
}
