// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/policy/gate.h"

#include <stdbool.h>

#include "user/policy/class.h"
#include "user/util/clock.h"
#include "user/util/duration.h"
#include "bpf/gate/candidate.h"

/* An interval is at most a sixteenth of the period, so that the budget isn't spent at the beginning
 * of the period, unless an interval's budget would be less than MIN_PER_INTERVAL packets. */
#define INTERVALS_PER_PERIOD 16
#define MIN_PER_INTERVAL     16

/* This many new sources per second never engage the gate. */
#define MIN_ENGAGE 16

void gate_set_default(struct xrl_flood *flood)
{
	*flood = (struct xrl_flood){
		.mode = XRL_FLOOD_ON,
		.newcomers_packets = 50000,
		.newcomers_period_ns = SECOND_NS,
		.prefix_packets = 2000,
		.prefix_period_ns = SECOND_NS,
	};
}

static __u64 interval_ns(__u32 shift)
{
	return clock_jiffy_ns() << shift;
}

/* The largest interval that is not longer than the period. */
static __u32 shift_within(__u64 period_ns)
{
	__u32 shift = 0;

	while (interval_ns(shift + 1) <= period_ns)
		shift++;
	return shift;
}

static __u32 at_most(__u64 number, __u32 most)
{
	return number < most ? number : most;
}

/* The budget of an interval for N per period: rounded down, so that a period never exceeds N, but
 * at least 1. */
static __u32 units_per_interval(__u64 packets, __u64 period_ns, __u32 shift)
{
	__u64 units = (unsigned __int128)packets * interval_ns(shift) / period_ns;

	return units ? at_most(units, ~0U) : 1;
}

/* N per period, in the intervals of another period. */
static struct xrl_share budget_in_intervals(__u64 packets, __u64 period_ns,
                                            __u64 intervals_period_ns)
{
	struct xrl_share budget = {
		.shift = shift_within(intervals_period_ns / INTERVALS_PER_PERIOD)};

	while (interval_ns(budget.shift + 1) <= period_ns &&
	       units_per_interval(packets, period_ns, budget.shift) < MIN_PER_INTERVAL)
		budget.shift++;
	budget.max_units = units_per_interval(packets, period_ns, budget.shift);
	return budget;
}

static struct xrl_share budget_of(__u64 packets, __u64 period_ns)
{
	return budget_in_intervals(packets, period_ns, period_ns);
}

/* The longest of all classes, at least a second. Class numbers may have gaps. */
static __u64 longest_ns(const struct xrl_policy *policy,
                        __u64 (*of_class)(const struct xrl_class *))
{
	__u64 longest_ns = SECOND_NS;

	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++) {
		__u64 class_ns = of_class(&policy->classes[i]);

		longest_ns = class_ns > longest_ns ? class_ns : longest_ns;
	}
	return longest_ns;
}

/* When all buckets are in use, each new source evicts another one. At half of the rate that evicts
 * every bucket once per longest period, a bucket is kept for two such periods. */
static __u64 kept_per_second(const struct xrl_policy *policy, __u32 sources)
{
	return (unsigned __int128)sources * SECOND_NS / longest_ns(policy, class_longest_ns) / 2;
}

/* One in this many entries of the sets is for sources whose first packet passes, so that few sets
 * have too many of them. */
#define ENTRIES_PER_FIRST 2

/* Half of the tick counter: beyond that the age of an entry is ambiguous. A source that pauses for
 * longer finds a budget so small that it hardly passes again. */
#define MAX_KEPT_TICKS 0x8000

struct rate {
	__u64 packets, period_ns;
};

static bool is_less(const struct rate *one, const struct rate *other)
{
	return (unsigned __int128)one->packets * other->period_ns <
	       (unsigned __int128)other->packets * one->period_ns;
}

/* First packets get half of the newcomers' budget, so that the other half remains for sources that
 * come again. They get no more than the sets have room for while it matters what has passed, but at
 * least the rate at which the gate engages: on a busy day, new clients must not be locked out. */
static void set_first(struct xrl_flood *flood, __u32 sources)
{
	__u64 tick_ns = clock_jiffy_ns() << XRL_GATE_TICK_SHIFT,
	      intervals_ns = flood->newcomers_period_ns;
	struct rate half = {(flood->newcomers_packets + 1) / 2, flood->newcomers_period_ns};
	struct rate engage = {flood->engage_when_full, interval_ns(flood->engage.shift)}, room;

	flood->kept_ticks = at_most(flood->remembered_ns / tick_ns + 2, MAX_KEPT_TICKS);
	room = (struct rate){(__u64)gate_sets(sources) * XRL_GATE_WAYS / ENTRIES_PER_FIRST,
	                     flood->kept_ticks * tick_ns};
	if (intervals_ns > room.period_ns)
		intervals_ns = room.period_ns;
	if (is_less(&room, &engage))
		room = engage;
	if (is_less(&half, &room))
		room = half;
	if (intervals_ns > room.period_ns)
		intervals_ns = room.period_ns;
	flood->first = budget_in_intervals(room.packets, room.period_ns, intervals_ns);
}

void gate_derive(struct xrl_policy *policy, __u32 sources)
{
	struct xrl_flood *flood = &policy->flood;
	__u32 second = shift_within(SECOND_NS + SECOND_NS / 8);
	__u64 newcomers, kept, engage;

	if (flood->mode == XRL_FLOOD_OFF)
		return;
	flood->newcomers = budget_of(flood->newcomers_packets, flood->newcomers_period_ns);
	flood->prefix = budget_of(flood->prefix_packets, flood->prefix_period_ns);

	newcomers =
		units_per_interval(flood->newcomers_packets, flood->newcomers_period_ns, second);
	kept = kept_per_second(policy, sources);
	engage = newcomers < sources / 16 ? newcomers : sources / 16;
	engage = engage > MIN_ENGAGE ? engage : MIN_ENGAGE;
	flood->engage = (struct xrl_share){.shift = second, .max_units = engage};
	flood->engage_when_full = kept < engage ? at_most(kept, engage) : engage;
	if (flood->engage_when_full < MIN_ENGAGE)
		flood->engage_when_full = MIN_ENGAGE;
	flood->engage_batch = at_most(flood->engage_when_full / 16 + 1, 64);
	flood->remembered_ns = longest_ns(policy, class_longest_limit_ns);
	set_first(flood, sources);
	/* Not fewer to protect sources that have a bucket: on a busy day there may be more new
	 * clients than buckets last for the longest period, and they must not be locked out. */
	flood->promoted = (struct xrl_share){
		.shift = second,
		.max_units = newcomers > MIN_ENGAGE ? newcomers : MIN_ENGAGE,
	};
}

__u32 gate_sets(__u32 sources)
{
	__u32 sets = (sources + XRL_BUCKETS_PER_SET - 1) / XRL_BUCKETS_PER_SET;

	return sets > XRL_MIN_GATE_SETS ? sets : XRL_MIN_GATE_SETS;
}

const char *gate_mode_name(__u32 mode)
{
	static const char *const names[] = {
		[XRL_FLOOD_OFF] = "off", [XRL_FLOOD_MONITOR] = "monitor", [XRL_FLOOD_ON] = "on"};

	return mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "unknown";
}
