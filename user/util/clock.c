// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/util/clock.h"

#include <time.h>

static __u64 read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
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
	return ((long long)boot_ns + clock_boot_unix_ns()) / 1000000000LL;
}
