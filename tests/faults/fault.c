// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Failpoints.
 *   XRL_FAULT=list        print each failpoint as it is reached
 *   XRL_FAULT=NAME        raise SIGKILL at that failpoint, or, if XRL_FAULT_COMMAND is set, run
 *                         that command there once
 *   XRL_PERIODS_OVER=N    divide all periods of a policy file by N */
#include "user/util/failpoint.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void trigger(const char *command)
{
	if (!command)
		raise(SIGKILL);
	unsetenv("XRL_FAULT");
	if (system(command))
		fprintf(stderr, "fault: XRL_FAULT_COMMAND failed\n");
}

void failpoint(const char *name)
{
	const char *wanted = getenv("XRL_FAULT");

	if (!wanted)
		return;
	if (!strcmp(wanted, "list"))
		fprintf(stderr, "fault: %s\n", name);
	else if (!strcmp(wanted, name))
		trigger(getenv("XRL_FAULT_COMMAND"));
}

__u64 failpoint_period_ns(__u64 period_ns)
{
	const char *divisor = getenv("XRL_PERIODS_OVER");

	return divisor ? period_ns / strtoull(divisor, NULL, 10) : period_ns;
}
