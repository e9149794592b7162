/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

/* CLOCK_BOOTTIME, the clock of bpf_ktime_get_boot_ns() (Linux 5.8). */
__u64 clock_boot_ns(void);

/* The wall clock: Unix time in nanoseconds. */
long long clock_unix_ns(void);

/* The wall clock's current reading minus boot time. */
long long clock_boot_unix_ns(void);

/* Converts a boot time to Unix seconds, by the wall clock's current setting. */
long long clock_unix_seconds(__u64 boot_ns);

/* The length of a kernel tick. */
__u64 clock_jiffy_ns(void);
