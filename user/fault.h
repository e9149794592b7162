/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Where a crash would hurt most. A build for tests (XRL_FAULTS, tests/faults/fault.c) can die at
 * each of these places; in what is installed they are nothing. */
#ifdef XRL_FAULTS
void fault_point(const char *name);
#else
static inline void fault_point(const char *name)
{
	(void)name;
}
#endif
