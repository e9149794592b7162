// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* For LD_PRELOAD: sets the wall clock of a process STEP_CLOCK_SECONDS ahead. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
	const char *seconds = getenv("STEP_CLOCK_SECONDS");
	int failed = syscall(SYS_clock_gettime, clock, now);

	if (!failed && clock == CLOCK_REALTIME && seconds)
		now->tv_sec += atoll(seconds);
	return failed;
}
