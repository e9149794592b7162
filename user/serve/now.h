/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <time.h>
#include <linux/types.h>

#include "user/util/duration.h"

/* For deadlines and ages: cannot be stepped, and all processes read the same clock. */
static inline __u64 now_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* Timeout for poll(): whole milliseconds, rounded up. */
static inline int milliseconds_until(__u64 then_ns, __u64 now_ns)
{
	__u64 rest_ns = then_ns > now_ns ? then_ns - now_ns : 0;

	return rest_ns > 60 * SECOND_NS ? 60000
	                                : (int)((rest_ns + MILLISECOND_NS - 1) / MILLISECOND_NS);
}
