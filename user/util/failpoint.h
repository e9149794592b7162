/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

/* Failpoints mark the moments at which a crash would do the most damage. A test build (XRL_FAULTS,
 * tests/faults/fault.c) can die at each of them and can shorten the periods of a policy; in a
 * normal build they compile to nothing. */
#ifdef XRL_FAULTS
void failpoint(const char *name);
__u64 failpoint_period_ns(__u64 period_ns);
#else
static inline void failpoint(const char *name)
{
	(void)name;
}

static inline __u64 failpoint_period_ns(__u64 period_ns)
{
	return period_ns;
}
#endif
