// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* XRL_FAULT=list: says which places the run comes by. XRL_FAULT=NAME: dies there, as by
 * kill -9, or runs XRL_FAULT_COMMAND there, once, if there is one. XRL_PERIODS_OVER=N: all periods
 * of a policy file are an Nth of what it says. */
#include "user/util/failpoint.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void meet_fault(const char *command)
{
	if (!command)
		raise(SIGKILL);
	unsetenv("XRL_FAULT");
	if (system(command))
		fprintf(stderr, "fault: the command failed\n");
}

void fault_point(const char *name)
{
	const char *wanted = getenv("XRL_FAULT");

	if (!wanted)
		return;
	if (!strcmp(wanted, "list"))
		fprintf(stderr, "fault: %s\n", name);
	else if (!strcmp(wanted, name))
		meet_fault(getenv("XRL_FAULT_COMMAND"));
}

__u64 fault_period_ns(__u64 period_ns)
{
	const char *divisor = getenv("XRL_PERIODS_OVER");

	return divisor ? period_ns / strtoull(divisor, NULL, 10) : period_ns;
}
