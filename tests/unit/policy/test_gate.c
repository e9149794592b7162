// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/policy/gate.c, and what class_derive and policy_derive guarantee to the gate
 * (bpf/verdict/admit.h). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "user/util/xalloc.h"
#include "user/policy/class.h"
#include "user/policy/gate.h"
#include "user/policy/limit.h"
#include "user/policy/policy.h"
#include "tests/unit/random.h"
#include "bpf/gate/candidate.h"
#include "tests/units.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TRIES        20000

typedef unsigned __int128 wide;

static __u64 jiffy_ns(void)
{
	struct timespec tick;

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	return tick.tv_nsec;
}

static __u64 slice_ns(const struct xrl_share *share)
{
	return jiffy_ns() << share->shift;
}

/* Small and large numbers are equally likely. */
static __u64 random_scale(__u64 from, __u64 to)
{
	return from + (random64() >> random_below(64)) % (to - from + 1);
}

/* ---- budgets ---- */

/* Never more than N in the intervals of a period, and no more than N per period in the long run,
 * except for N = 1, because an interval admits at least one. */
static void check_bound(const struct xrl_share *share, __u64 packets, __u64 period_ns)
{
	assert_true(share->max_units > 0);
	assert_true(slice_ns(share) <= period_ns);
	assert_true((wide)share->max_units * (period_ns / slice_ns(share)) <= packets);
	if (packets > 1)
		assert_true((wide)share->max_units * period_ns <= (wide)packets * slice_ns(share));
}

/* The budget is rounded down by less than one packet. */
static void check_rounding(const struct xrl_share *share, __u64 packets, __u64 period_ns)
{
	assert_true((wide)(share->max_units + 1) * period_ns > (wide)packets * slice_ns(share));
}

/* An interval is at most a sixteenth of the period and at least half of that, and longer only if it
 * would hold fewer than 16 units. The shortest is a jiffy. */
static void check_slice(const struct xrl_share *share, __u64 packets, __u64 period_ns)
{
	__u64 slice = slice_ns(share);

	if (share->shift && slice > period_ns / 16)
		assert_true((wide)packets * (slice / 2) < (wide)16 * period_ns);
	if (share->max_units < 16)
		assert_true(slice * 2 > period_ns);
	assert_true(slice * 2 > period_ns / 16);
}

static void check_share(const struct xrl_share *share, __u64 packets, __u64 period_ns)
{
	check_bound(share, packets, period_ns);
	check_rounding(share, packets, period_ns);
	check_slice(share, packets, period_ns);
}

static __u64 kept_ns(const struct xrl_flood *flood)
{
	return (flood->kept_ticks * jiffy_ns()) << XRL_GATE_TICK_SHIFT;
}

static bool is_slower(wide packets, wide period_ns, wide than_packets, wide than_period_ns)
{
	return packets * than_period_ns < than_packets * period_ns;
}

/* The maximum rate: rounding loses less than one unit per interval. */
static void check_rate(const struct xrl_share *share, wide packets, wide period_ns)
{
	assert_false(is_slower(packets, period_ns, share->max_units, slice_ns(share)));
	assert_true(is_slower(packets, period_ns, share->max_units + 1, slice_ns(share)));
}

/* Half of the newcomers, rounded up so that the very first one passes. At most half of the entries
 * within the time for which they are kept, unless more arrive before the gate engages. If half is
 * 1, an interval cannot have less. */
static void check_first(const struct xrl_flood *flood, __u32 sources)
{
	__u64 half = flood->newcomers_packets / 2 + flood->newcomers_packets % 2;
	__u64 words = (__u64)gate_sets(sources) * 5 / 2, engage_ns = slice_ns(&flood->engage);

	if (half == 1)
		assert_int_equal(flood->first.max_units, 1);
	else if (is_slower(half, flood->newcomers_period_ns, words, kept_ns(flood)) ||
	         is_slower(half, flood->newcomers_period_ns, flood->engage_when_full, engage_ns))
		check_rate(&flood->first, half, flood->newcomers_period_ns);
	else if (is_slower(words, kept_ns(flood), flood->engage_when_full, engage_ns))
		check_rate(&flood->first, flood->engage_when_full, engage_ns);
	else
		check_rate(&flood->first, words, kept_ns(flood));
	/* and never more at once than there are entries for */
	assert_true(flood->first.max_units <= words || flood->first.max_units < 32 ||
	            flood->first.max_units <= flood->engage_when_full);
}

/* For the longest period, but at most half of the time in which ticks wrap around. */
static void check_kept(const struct xrl_flood *flood, __u64 longest_ns)
{
	__u64 tick_ns = jiffy_ns() << XRL_GATE_TICK_SHIFT;

	assert_in_range(flood->kept_ticks, 1, 0x8000);
	if (flood->kept_ticks < 0x8000) {
		assert_true(kept_ns(flood) > longest_ns);
		assert_true(kept_ns(flood) <= longest_ns + 2 * tick_ns);
	} else {
		assert_true(kept_ns(flood) <= longest_ns + 2 * tick_ns);
	}
}

static void set_period(struct xrl_policy *policy, __u64 period_ns)
{
	policy->classes[0].limits[0].period_ns = period_ns;
}

static void no_more_than_n_in_a_period(void **state)
{
	struct policy policy;
	struct xrl_flood *flood;
	__u64 longest_ns;
	__u32 sources;

	(void)state;
	policy_set_default(&policy);
	flood = &policy.compiled->flood;
	for (int i = 0; i < TRIES; i++) {
		flood->mode = i % 2 ? XRL_FLOOD_ON : XRL_FLOOD_MONITOR;
		flood->newcomers_packets = random_scale(1, GATE_MAX_PACKETS);
		flood->newcomers_period_ns = random_scale(GATE_MIN_PERIOD_NS, GATE_MAX_PERIOD_NS);
		flood->prefix_packets = random_scale(1, GATE_MAX_PACKETS);
		flood->prefix_period_ns = random_scale(GATE_MIN_PERIOD_NS, GATE_MAX_PERIOD_NS);
		sources = random_scale(1, 67108864);
		longest_ns = random_scale(SECOND_NS, 31 * DAY_NS);
		set_period(policy.compiled, longest_ns);
		gate_derive(policy.compiled, sources);
		check_share(&flood->newcomers, flood->newcomers_packets,
		            flood->newcomers_period_ns);
		check_share(&flood->prefix, flood->prefix_packets, flood->prefix_period_ns);
		check_first(flood, sources);
		check_kept(flood, longest_ns);
	}
	policy_free(&policy);
}

static void the_extremes(void **state)
{
	static const __u64 packets[] = {1, 2, 15, 16, 17, GATE_MAX_PACKETS};
	static const __u64 periods_ns[] = {GATE_MIN_PERIOD_NS, SECOND_NS, GATE_MAX_PERIOD_NS};
	struct policy policy;
	struct xrl_flood *flood;

	(void)state;
	policy_set_default(&policy);
	flood = &policy.compiled->flood;
	for (size_t i = 0; i < COUNT(packets); i++)
		for (size_t j = 0; j < COUNT(periods_ns); j++) {
			flood->newcomers_packets = packets[i];
			flood->newcomers_period_ns = periods_ns[j];
			gate_derive(policy.compiled, 1048576);
			check_share(&flood->newcomers, packets[i], periods_ns[j]);
		}
	policy_free(&policy);
}

/* ---- when the gate engages ---- */

/* A policy with one limit, a number of buckets and of newcomers, and the expected thresholds. */
static const struct engagement {
	const char *limit;
	__u32 sources;
	__u64 newcomers_packets, newcomers_period_ns;
	__u32 engage; /* 0: as `newcomers` allows per interval; likewise the next two */
	__u32 when_full;
	__u32 promoted; /* buckets per second: as newcomers, but at least 16 */
} engagements[] = {
	/* the periods are short: the budget decides */
	{"1/1s packets", 1048576, 50000, SECOND_NS, 0, 0, 0},
	{"1/100ms packets", 1048576, 50000, SECOND_NS, 0, 0, 0},
	/* buckets must last for an hour, a day, a month: few new sources engage the gate */
	{"1/1h packets", 1048576, 50000, SECOND_NS, 0, 145, 0},
	{"1/1h packets sliding", 1048576, 50000, SECOND_NS, 0, 72, 0},
	{"9/1h connections endpoint tcp/80", 1048576, 50000, SECOND_NS, 0, 145, 0},
	{"1/1d packets scope /24", 1048576, 50000, SECOND_NS, 0, 16, 0},
	{"1/31d packets", 67108864, 50000, SECOND_NS, 0, 16, 0},
	/* few buckets: a sixteenth of them, but never less than 16 */
	{"1/1s packets", 256, 50000, SECOND_NS, 16, 16, 0},
	{"1/100ms packets", 256, 50000, SECOND_NS, 16, 16, 0},
	{"1/1s packets", 1, 50000, SECOND_NS, 16, 16, 0},
	{"1/1s packets", 1600, 50000, SECOND_NS, 100, 100, 0},
	{"1/1m packets", 16000, 50000, SECOND_NS, 1000, 133, 0},
	/* many buckets */
	{"1/1s packets", 67108864, 50000, SECOND_NS, 0, 0, 0},
	{"1/1h packets", 67108864, 50000, SECOND_NS, 0, 9320, 0},
	{"1/1s packets", 67108864, GATE_MAX_PACKETS, SECOND_NS / 10, 4194304, 4194304, ~0U},
	/* a budget of next to nothing */
	{"1/1s packets", 1048576, 10, HOUR_NS, 16, 16, 16},
};

static void set_limit(struct policy *policy, const char *text)
{
	struct xrl_class *class = &policy->compiled->classes[0];
	struct xrl_limit limit;
	char parse_error[480];

	assert_false(limit_parse(text, &limit, parse_error, sizeof(parse_error)));
	class->limit_count = class->separate_count = 0;
	if (limit.endpoint_protocol || limit.scope_bits != XRL_SCOPE_SOURCE)
		class->separate[class->separate_count++] = limit;
	else
		class->limits[class->limit_count++] = limit;
}

static void check_engagement(struct policy *policy, const struct engagement *expected)
{
	struct xrl_flood *flood = &policy->compiled->flood;
	__u64 a_second, newcomers;

	set_limit(policy, expected->limit);
	flood->newcomers_packets = expected->newcomers_packets;
	flood->newcomers_period_ns = expected->newcomers_period_ns;
	gate_derive(policy->compiled, expected->sources);
	a_second = slice_ns(&flood->engage);
	newcomers = (wide)expected->newcomers_packets * a_second / expected->newcomers_period_ns;

	/* a power of two of jiffies */
	assert_true(a_second <= SECOND_NS * 9 / 8 && a_second * 2 > SECOND_NS * 9 / 8);
	assert_int_equal(flood->promoted.shift, flood->engage.shift);
	assert_int_equal(flood->engage.max_units, expected->engage ? expected->engage : newcomers);
	assert_int_equal(flood->engage_when_full,
	                 expected->when_full ? expected->when_full : newcomers);
	assert_int_equal(flood->promoted.max_units,
	                 expected->promoted ? expected->promoted : newcomers);
}

static void the_gate_engages_as_the_policy_needs(void **state)
{
	struct policy policy;

	(void)state;
	policy_set_default(&policy);
	for (size_t i = 0; i < COUNT(engagements); i++)
		check_engagement(&policy, &engagements[i]);
	policy_free(&policy);
}

/* The longest period of all limits of all classes. */
static void the_longest_period_counts(void **state)
{
	struct policy policy;
	struct xrl_class *class;

	(void)state;
	policy_set_default(&policy);
	class = policy_add_class(&policy, "other");
	for (int i = 0; i < 3; i++)
		limit_set(&class->limits[class->limit_count++], 1, i == 1 ? HOUR_NS : SECOND_NS,
		          XRL_PACKETS);
	gate_derive(policy.compiled, 1048576);
	assert_int_equal(policy.compiled->flood.engage_when_full, 145);
	limit_set(&class->separate[class->separate_count++], 1, 2 * HOUR_NS, XRL_PACKETS);
	limit_set(&class->separate[class->separate_count++], 1, SECOND_NS, XRL_PACKETS);
	gate_derive(policy.compiled, 1048576);
	assert_int_equal(policy.compiled->flood.engage_when_full, 72);
	policy_free(&policy);
}

/* The numbers of removed classes stay free in an active policy. */
static void classes_behind_a_gap_count(void **state)
{
	struct policy policy;
	struct xrl_class *classes;

	(void)state;
	policy_set_default(&policy);
	classes = policy.compiled->classes;
	classes[XRL_MAX_CLASSES - 1] = classes[0];
	classes[0] = (struct xrl_class){};
	limit_set(&classes[XRL_MAX_CLASSES - 1].limits[0], 1, HOUR_NS, XRL_PACKETS);
	gate_derive(policy.compiled, 1048576);
	assert_int_equal(policy.compiled->flood.engage_when_full, 145);
	policy_free(&policy);
}

/* In a flood each CPU counts for itself, and at most a sixteenth of a threshold is missed. */
static void batches_are_small(void **state)
{
	struct policy policy;
	struct xrl_flood *flood;

	(void)state;
	policy_set_default(&policy);
	flood = &policy.compiled->flood;
	for (int i = 0; i < TRIES; i++) {
		flood->newcomers_packets = random_scale(1, GATE_MAX_PACKETS);
		gate_derive(policy.compiled, random_scale(1, 67108864));
		assert_true(flood->engage_batch >= 1 && flood->engage_batch <= 64);
		assert_true((flood->engage_batch - 1) * 16 <= flood->engage_when_full);
		assert_true(flood->engage_when_full >= 16);
		assert_true(flood->engage_when_full <= flood->engage.max_units);
		assert_true(flood->promoted.max_units >= 16);
	}
	policy_free(&policy);
}

static void nothing_follows_while_it_is_off(void **state)
{
	struct policy policy;
	struct xrl_flood expected;

	(void)state;
	policy_set_default(&policy);
	policy.compiled->flood.mode = XRL_FLOOD_OFF;
	expected = policy.compiled->flood;
	gate_derive(policy.compiled, 1048576);
	assert_memory_equal(&policy.compiled->flood, &expected, sizeof(expected));
	policy_free(&policy);
}

static void lines_and_names(void **state)
{
	(void)state;
	assert_int_equal(gate_sets(1), XRL_MIN_GATE_SETS);
	assert_int_equal(gate_sets(8 * XRL_MIN_GATE_SETS), XRL_MIN_GATE_SETS);
	assert_int_equal(gate_sets(8 * XRL_MIN_GATE_SETS + 1), XRL_MIN_GATE_SETS + 1);
	assert_int_equal(gate_sets(1048576), 131072);
	assert_int_equal(gate_sets(67108864), 8388608);
	assert_string_equal(gate_mode_name(XRL_FLOOD_OFF), "off");
	assert_string_equal(gate_mode_name(XRL_FLOOD_MONITOR), "monitor");
	assert_string_equal(gate_mode_name(XRL_FLOOD_ON), "on");
	assert_string_equal(gate_mode_name(XRL_FLOOD_ON + 1), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_than_n_in_a_period),
		cmocka_unit_test(the_extremes),
		cmocka_unit_test(the_gate_engages_as_the_policy_needs),
		cmocka_unit_test(the_longest_period_counts),
		cmocka_unit_test(classes_behind_a_gap_count),
		cmocka_unit_test(batches_are_small),
		cmocka_unit_test(nothing_follows_while_it_is_off),
		cmocka_unit_test(lines_and_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
