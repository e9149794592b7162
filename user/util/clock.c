// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/util/clock.h"

#include <time.h>

#include "user/util/duration.h"

static __u64 read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * (__u64)SECOND_NS + now.tv_nsec;
}

__u64 clock_boot_ns(void)
{
	return read_ns(CLOCK_BOOTTIME);
}

long long clock_unix_ns(void)
{
	return read_ns(CLOCK_REALTIME);
}

long long clock_boot_unix_ns(void)
{
	return clock_unix_ns() - (long long)clock_boot_ns();
}

long long clock_unix_seconds(__u64 boot_ns)
{
	return ((long long)boot_ns + clock_boot_unix_ns()) / SECOND_NS;
}

__u64 clock_jiffy_ns(void)
{
	struct timespec tick;

	/* the resolution of the coarse clocks is the kernel's tick */
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	return tick.tv_nsec;
}
