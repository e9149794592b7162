// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/policy/gate.h"

#include <stdbool.h>

#include "user/policy/class.h"
#include "user/util/clock.h"
#include "user/util/duration.h"
#include "bpf/gate/candidate.h"

/* A slice is a sixteenth of the period or less, so that the budget isn't gone at its beginning;
 * unless that would be less than so many packets. */
#define SLICES_PER_PERIOD 16
#define LEAST_PER_SLICE   16

/* This many new sources per second never engage the gate. */
#define LEAST_ENGAGE 16

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

static __u64 slice_ns(__u32 shift)
{
	return clock_jiffy_ns() << shift;
}

/* The largest interval that is not longer than the period. */
static __u32 shift_within(__u64 period_ns)
{
	__u32 shift = 0;

	while (slice_ns(shift + 1) <= period_ns)
		shift++;
	return shift;
}

static __u32 at_most(__u64 number, __u32 most)
{
	return number < most ? number : most;
}

/* What N per period is in a slice: rounded down, so that it never is more than N, but for a rate
 * of less than one in the longest slice. */
static __u32 units_per_slice(__u64 packets, __u64 period_ns, __u32 shift)
{
	__u64 units = (unsigned __int128)packets * slice_ns(shift) / period_ns;

	return units ? at_most(units, ~0U) : 1;
}

/* N per period; the slices as they would be for another period. */
static struct xrl_share share_in_slices(__u64 packets, __u64 period_ns, __u64 slices_period_ns)
{
	struct xrl_share share = {.shift = shift_within(slices_period_ns / SLICES_PER_PERIOD)};

	while (slice_ns(share.shift + 1) <= period_ns &&
	       units_per_slice(packets, period_ns, share.shift) < LEAST_PER_SLICE)
		share.shift++;
	share.max_units = units_per_slice(packets, period_ns, share.shift);
	return share;
}

static struct xrl_share share_of(__u64 packets, __u64 period_ns)
{
	return share_in_slices(packets, period_ns, period_ns);
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

/* Once all buckets are taken, each new source takes the place of another one. At half of the rate
 * that this comes to, a bucket is kept twice as long as the longest period. */
static __u64 kept_per_second(const struct xrl_policy *policy, __u32 sources)
{
	return (unsigned __int128)sources * SECOND_NS / longest_ns(policy, class_longest_ns) / 2;
}

/* Of the words in the lines, one in so many is for those that pass when they come for the first
 * time, so that in few lines there are too many of them. */
#define WORDS_PER_FIRST 2

/* For longer, the age of a word couldn't tell; who pauses for longer than half of the circle finds
 * a share so small that it is hardly let pass again. */
#define MOST_KEPT_TICKS 0x8000

struct rate {
	__u64 packets, period_ns;
};

static bool is_less(const struct rate *one, const struct rate *other)
{
	return (unsigned __int128)one->packets * other->period_ns <
	       (unsigned __int128)other->packets * one->period_ns;
}

/* Half of the newcomers, so that the other half is for those that come again. But no more than the
 * lines have room for, as long as it matters what has passed; unless so many come without the gate
 * engaging: on a busy day they must not be locked out. */
static void set_first(struct xrl_flood *flood, __u32 sources)
{
	__u64 tick_ns = clock_jiffy_ns() << XRL_GATE_TICK_SHIFT,
	      slices_ns = flood->newcomers_period_ns;
	struct rate half = {(flood->newcomers_packets + 1) / 2, flood->newcomers_period_ns};
	struct rate engage = {flood->engage_when_full, slice_ns(flood->engage.shift)}, room;

	flood->kept_ticks = at_most(flood->remembered_ns / tick_ns + 2, MOST_KEPT_TICKS);
	room = (struct rate){(__u64)gate_sets(sources) * XRL_GATE_WAYS / WORDS_PER_FIRST,
	                     flood->kept_ticks * tick_ns};
	if (slices_ns > room.period_ns)
		slices_ns = room.period_ns;
	if (is_less(&room, &engage))
		room = engage;
	if (is_less(&half, &room))
		room = half;
	if (slices_ns > room.period_ns)
		slices_ns = room.period_ns;
	flood->first = share_in_slices(room.packets, room.period_ns, slices_ns);
}

void gate_derive(struct xrl_policy *policy, __u32 sources)
{
	struct xrl_flood *flood = &policy->flood;
	__u32 second = shift_within(SECOND_NS + SECOND_NS / 8);
	__u64 newcomers, kept, engage;

	if (flood->mode == XRL_FLOOD_OFF)
		return;
	flood->newcomers = share_of(flood->newcomers_packets, flood->newcomers_period_ns);
	flood->prefix = share_of(flood->prefix_packets, flood->prefix_period_ns);

	newcomers = units_per_slice(flood->newcomers_packets, flood->newcomers_period_ns, second);
	kept = kept_per_second(policy, sources);
	engage = newcomers < sources / 16 ? newcomers : sources / 16;
	engage = engage > LEAST_ENGAGE ? engage : LEAST_ENGAGE;
	flood->engage = (struct xrl_share){.shift = second, .max_units = engage};
	flood->engage_when_full = kept < engage ? at_most(kept, engage) : engage;
	if (flood->engage_when_full < LEAST_ENGAGE)
		flood->engage_when_full = LEAST_ENGAGE;
	flood->engage_batch = at_most(flood->engage_when_full / 16 + 1, 64);
	flood->remembered_ns = longest_ns(policy, class_longest_limit_ns);
	set_first(flood, sources);
	/* Not fewer for the sake of those that have a bucket: on a busy day more clients may be new
	 * than buckets last for the longest period, and they must not be locked out. */
	flood->promoted = (struct xrl_share){
		.shift = second,
		.max_units = newcomers > LEAST_ENGAGE ? newcomers : LEAST_ENGAGE,
	};
}

__u32 gate_sets(__u32 sources)
{
	__u32 lines = (sources + XRL_BUCKETS_PER_SET - 1) / XRL_BUCKETS_PER_SET;

	return lines > XRL_MIN_GATE_SETS ? lines : XRL_MIN_GATE_SETS;
}

const char *gate_mode_name(__u32 mode)
{
	static const char *const names[] = {
		[XRL_FLOOD_OFF] = "off", [XRL_FLOOD_MONITOR] = "monitor", [XRL_FLOOD_ON] = "on"};

	return mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "unknown";
}
