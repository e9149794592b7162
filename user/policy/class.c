// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/policy/class.h"

#include <stdbool.h>

#include "user/util/clock.h"
#include "user/policy/limit.h"
#include "user/util/duration.h"
#include "bpf/gate/candidate.h"

#define LARGEST_FRAME_BYTES (1 << 19) /* merged segments, "BIG TCP" */

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
	class_derive(class);
}

/* A bucket stays fresh while none of its windows can have expired, which is predictable for fixed
 * windows only. */
static bool can_stay_fresh(const struct xrl_class *class)
{
	for (__u32 i = 0; i < class->limit_count; i++)
		if (class->limits[i].algorithm != XRL_FIXED)
			return false;
	return true;
}

static bool is_simple(const struct xrl_class *class)
{
	const struct xrl_limit *limit = &class->limits[0];

	return class->limit_count == 1 && !class->separate_count && !class->warns &&
	       !class->penalty.period_ns && limit->unit == XRL_PACKETS &&
	       limit->algorithm == XRL_FIXED && limit->used_bits == XRL_WINDOW_USED_BITS;
}

/* A sliding window also remembers the previous one; a token bucket may take longer than a period to
 * refill. */
static __u64 limit_lasts_ns(const struct xrl_limit *limit)
{
	if (limit->algorithm == XRL_SLIDING)
		return 2 * limit->period_ns;
	if (limit->algorithm == XRL_TOKEN && limit->max_units > limit->rate_units)
		return (unsigned __int128)limit->period_ns * limit->max_units / limit->rate_units;
	return limit->period_ns;
}

static __u64 longer(__u64 longest_ns, const struct xrl_limit *limit)
{
	__u64 lasts_ns = limit_lasts_ns(limit);

	return lasts_ns > longest_ns ? lasts_ns : longest_ns;
}

__u64 class_longest_limit_ns(const struct xrl_class *class)
{
	__u64 longest_ns = 0;

	for (__u32 i = 0; i < class->limit_count; i++)
		longest_ns = longer(longest_ns, &class->limits[i]);
	for (__u32 i = 0; i < class->separate_count; i++)
		longest_ns = longer(longest_ns, &class->separate[i]);
	return longest_ns;
}

__u64 class_longest_ns(const struct xrl_class *class)
{
	__u64 limit_ns = class_longest_limit_ns(class);

	return limit_ns > class->penalty.period_ns ? limit_ns : class->penalty.period_ns;
}

/* How many packets of a source may pass before it has a bucket. A scoped limit is charged with
 * these and with the packet that earns the bucket at once, so it must have room for that one, too.
 */
static void set_newcomer(struct xrl_class *class, const struct xrl_limit *limit, __u32 more)
{
	__u64 units = limit->max_units > more ? limit->max_units - more : 0;

	if (!limit->period_ns)
		return;
	class->units |= 1 << limit->unit;
	if (limit->unit == XRL_BYTES && units / 64 < class->newcomer_bytes_64)
		class->newcomer_bytes_64 = units / 64;
	if (limit->unit != XRL_BYTES && units < class->newcomer_packets)
		class->newcomer_packets = units;
}

/* In ticks of the gate, rounded up: no limit remembers anything longer. As many ticks as the
 * counter has mean forever. */
static void set_newcomer_ticks(struct xrl_class *class)
{
	__u64 longest_ns = class_longest_limit_ns(class);
	__u64 tick_ns = clock_jiffy_ns() << XRL_GATE_TICK_SHIFT;
	__u64 ticks = longest_ns / tick_ns + 2;

	class->newcomer_ticks = ticks < 0xFFFF ? ticks : 0x10000;
}

static void set_newcomers(struct xrl_class *class)
{
	set_newcomer_ticks(class);
	class->units = 0;
	class->newcomer_packets = XRL_GATE_FEW;
	class->newcomer_bytes_64 = 0xFFFF; /* what its field in struct xrl_newcomer holds */
	for (__u32 i = 0; i < class->limit_count; i++)
		set_newcomer(class, &class->limits[i], 0);
	for (__u32 i = 0; i < class->separate_count; i++)
		if (class->separate[i].scope_bits != XRL_SCOPE_SOURCE)
			class->units |= 1 << class->separate[i].unit; /* charged with each packet */
		else if (class->separate[i].unit == XRL_BYTES)
			set_newcomer(class, &class->separate[i], LARGEST_FRAME_BYTES);
		else
			set_newcomer(class, &class->separate[i], 1);
}

void class_derive(struct xrl_class *class)
{
	__u64 shortest_ns = class->limits[XRL_ICMP_ERRORS].period_ns;

	for (__u32 i = 0; i < class->limit_count; i++)
		if (class->limits[i].period_ns && class->limits[i].period_ns < shortest_ns)
			shortest_ns = class->limits[i].period_ns;
	if (shortest_ns > SECOND_NS)
		shortest_ns = SECOND_NS;
	class->jiffy_ns = clock_jiffy_ns();
	class->settled_max_jiffies = can_stay_fresh(class) ? shortest_ns / class->jiffy_ns : 0;
	class->is_plain = is_simple(class);
	set_newcomers(class);
}
