/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

/* Where a crash would hurt most. A build for tests (XRL_FAULTS, tests/faults/fault.c) can die at
 * each of these places, and lets periods of a policy pass faster than the file says; in what is
 * installed they are nothing. */
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
