/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

/* CLOCK_BOOTTIME: what the program calls boot time (5.8: bpf_ktime_get_boot_ns). */
__u64 clock_boot_ns(void);

/* The wall clock: Unix time in ns. */
long long clock_unix_ns(void);

/* What the wall clock shows now, minus boot time. */
long long clock_boot_unix_ns(void);

/* When a moment of boot time is, was or will be by today's wall clock. Unix seconds. */
long long clock_unix_seconds(__u64 boot_ns);
