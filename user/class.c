// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "class.h"

#include <stdbool.h>
#include <time.h>

#include "limit.h"
#include "../bpf/window.h"

#define SECOND_NS 1000000000ULL

void class_set_empty(struct xrl_class *class)
{
	*class = (struct xrl_class){.action = XRL_DROP};
	limit_set(&class->limits[XRL_ICMP_ERRORS], CLASS_MAX_ICMP_ERRORS, SECOND_NS, XRL_PACKETS);
}

void class_set_default(struct xrl_class *class)
{
	class_set_empty(class);
	class->limit_count = 1;
	limit_set(&class->limits[0], CLASS_DEFAULT_MAX_PACKETS, SECOND_NS, XRL_PACKETS);
	class_finish(class);
}

/* A bucket may be called settled for as long as none of its windows can have ended, which is
 * known of fixed buckets only. */
static bool can_settle(const struct xrl_class *class)
{
	for (__u32 i = 0; i < class->limit_count; i++)
		if (class->limits[i].algorithm != XRL_FIXED)
			return false;
	return true;
}

static bool is_plain(const struct xrl_class *class)
{
	const struct xrl_limit *limit = &class->limits[0];

	return class->limit_count == 1 && !class->separate_count && !class->warns &&
	       !class->penalty.period_ns && limit->unit == XRL_PACKETS &&
	       limit->algorithm == XRL_FIXED && limit->used_bits == XRL_WINDOW_USED_BITS;
}

void class_finish(struct xrl_class *class)
{
	__u64 shortest_ns = class->limits[XRL_ICMP_ERRORS].period_ns;
	struct timespec tick;

	/* the resolution of the coarse clocks is the kernel's tick, so the length of a jiffy */
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	for (__u32 i = 0; i < class->limit_count; i++)
		if (class->limits[i].period_ns && class->limits[i].period_ns < shortest_ns)
			shortest_ns = class->limits[i].period_ns;
	if (shortest_ns > SECOND_NS)
		shortest_ns = SECOND_NS;
	class->jiffy_ns = tick.tv_nsec;
	class->settled_max_jiffies = can_settle(class) ? shortest_ns / class->jiffy_ns : 0;
	class->is_plain = is_plain(class);
}
