// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "class.h"

#include <time.h>

#include "limit.h"

#define SECOND_NS 1000000000ULL

void class_set_default(struct xrl_class *class)
{
	*class = (struct xrl_class){.limit_count = 1, .action = XRL_DROP};
	limit_set(&class->limits[0], CLASS_DEFAULT_MAX_PACKETS, SECOND_NS, XRL_PACKETS);
	limit_set(&class->limits[XRL_ICMP_ERRORS], CLASS_MAX_ICMP_ERRORS, SECOND_NS, XRL_PACKETS);
	class_finish(class);
}

void class_finish(struct xrl_class *class)
{
	__u64 shortest_ns = class->limits[XRL_ICMP_ERRORS].period_ns;
	struct timespec tick;

	/* the resolution of the coarse clocks is the kernel's tick, so the length of a jiffy */
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	for (__u32 i = 0; i < class->limit_count; i++)
		if (class->limits[i].period_ns < shortest_ns)
			shortest_ns = class->limits[i].period_ns;
	if (shortest_ns > SECOND_NS)
		shortest_ns = SECOND_NS;
	class->jiffy_ns = tick.tv_nsec;
	class->settled_max_jiffies = shortest_ns / class->jiffy_ns;
}
