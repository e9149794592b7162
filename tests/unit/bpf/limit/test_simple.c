// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* The simple path of bpf/limit/source_limits.h, for a class with one fixed window of packets: it
 * agrees with the full path, and is as exact. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/bpf/limit/simple_fixture.h"

#define MAX_SIMPLE_UNITS ((1ULL << XRL_WINDOW_USED_BITS) - 4)

static const __u64 periods_ns[] = {100 * MS_NS, SECOND_NS, HOUR_NS, DAY_NS};
#define PERIODS (sizeof(periods_ns) / sizeof(*periods_ns))

/* Shifts a time by a few ticks. */
static __u64 near_ns(__u64 ns, const struct xrl_limit *limit)
{
	__u64 away_ns = random_below(6 * tick_ns(limit)) >> random_below(4);

	return random_below(2) || ns < away_ns ? ns + away_ns : ns - away_ns;
}

/* The pause between two packets: usually short, otherwise near the end of one or more periods, near
 * a wraparound of the ticks, or of any length. */
static __u64 pause_ns(const struct xrl_limit *limit)
{
	__u64 period_ns = limit->period_ns;

	switch (random_below(24)) {
	case 0:
		return near_ns((1 + random_below(9)) * period_ns, limit);
	case 1:
		return near_ns((1 + random_below(300)) * wrap_ns(limit) / 8, limit);
	case 2:
		return random_below(5 * period_ns);
	case 3:
		return random_below(20) ? near_ns(period_ns, limit) : random_below(YEAR_NS);
	case 4 ... 7:
		return random_below(period_ns / 4);
	case 8 ... 12:
		return random_below(period_ns / 40);
	case 13 ... 17:
		return random_below(3 * JIFFY_NS);
	default:
		return random_below(1000);
	}
}

/* ---- agreement with the full path ---- */

/* The simple path may defer to the full one for a bucket not refreshed for a period, must defer for
 * one with an open window of ICMP errors, and must not defer otherwise. */
static void assert_defers_only_when_allowed(const struct xrl_bucket *bucket,
                                            const struct xrl_class *class, enum xrl_result result)
{
	__u32 idle_ticks = xrl_checked_now(fake_boot_ns) - bucket->checked_ticks;
	int is_idle = (__u64)idle_ticks << XRL_CHECKED_SHIFT >= class->limits[0].period_ns;

	if (xrl_window_read(&bucket->icmp_errors))
		assert_int_equal(result, XRL_RETRY);
	else if (!is_idle || !xrl_window_read(&bucket->windows[0]))
		assert_int_not_equal(result, XRL_RETRY);
}

static void assert_same_packet(struct xrl_bucket *simple, struct xrl_bucket *full,
                               const struct xrl_class *class)
{
	struct xrl_bucket before = *simple;
	enum xrl_result result = xrl_try_simple(simple, class);

	if (result == XRL_RETRY) {
		result = xrl_refresh_simple(simple, class);
		assert_defers_only_when_allowed(&before, class, result);
	}
	if (result == XRL_RETRY) {
		assert_memory_equal(simple, &before, sizeof(before));
		result = charge_full_path(simple, class);
	}
	assert_int_equal(result, charge_full_path(full, class));
	assert_memory_equal(simple, full, sizeof(*simple));
}

static void assert_same_icmp_error(struct xrl_bucket *simple, struct xrl_bucket *full,
                                   const struct xrl_class *class)
{
	assert_int_equal(xrl_charge_icmp_error(simple, class), xrl_charge_icmp_error(full, class));
	assert_memory_equal(simple, full, sizeof(*simple));
}

/* Every second walk has differing clocks, every third has late jiffies, and every third ICMP
 * errors. */
static void walk_both_paths(struct xrl_class *class, int walk)
{
	__u64 now_ns = DAY_NS + random_below(YEAR_NS), max_units = class->limits[0].max_units;
	struct xrl_bucket simple = {}, full = {};

	jiffies_at_boot = random64();
	for (int i = 0; i < 3000; i++) {
		now_ns += pause_ns(&class->limits[0]);
		set_clock_behind(now_ns, walk % 2 ? random_below(SECOND_NS) : 0);
		fake_jiffies -= walk % 3 ? 0 : random_below(4);
		/* usage charged under a larger limit is a stale write to a smaller one */
		if (!random_below(200))
			class->limits[0].max_units = 1 + random_below(max_units);
		if (walk % 3 == 1 && !random_below(50))
			assert_same_icmp_error(&simple, &full, class);
		assert_same_packet(&simple, &full, class);
	}
}

static void random_walks_agree_with_the_full_path(void **state)
{
	static const __u64 most_units[] = {1, 2, 7, 50, 1000};

	(void)state;
	for (unsigned int i = 0; i < PERIODS * 5; i++)
		for (int walk = 0; walk < 6; walk++) {
			struct xrl_class class =
				simple_class(most_units[i / PERIODS], periods_ns[i % PERIODS]);

			walk_both_paths(&class, walk);
		}
}

static __u64 random_max_units(void)
{
	static const __u64 most_units[] = {1, 3, 100, MAX_SIMPLE_UNITS};

	return most_units[random_below(4)];
}

/* An age of a window, real or apparent from its ticks, near the values that matter. */
static __u64 random_age_ns(const struct xrl_limit *limit)
{
	switch (random_below(4)) {
	case 0:
		return near_ns(limit->period_ns, limit);
	case 1:
		return near_ns(random_below(9) * wrap_ns(limit) / 8, limit);
	case 2:
		return near_ns(wrap_ns(limit) - XRL_MAX_AHEAD_NS % wrap_ns(limit), limit);
	default:
		return random_below(wrap_ns(limit));
	}
}

static struct xrl_bucket random_bucket(const struct xrl_class *class, __u64 now_ns)
{
	const struct xrl_limit *limit = &class->limits[0];
	__u64 idle_ns = random_below(2)
	                        ? near_ns(limit->period_ns, limit) + random_below(SECOND_NS / 8)
	                        : random_below(limit->period_ns / 2);
	struct xrl_bucket bucket = {
		.settled_until_jiffies = (__u32)(jiffies_at_boot + now_ns / JIFFY_NS) +
	                                 random_below(2 * class->settled_max_jiffies) -
	                                 class->settled_max_jiffies / 2,
		.checked_ticks = xrl_checked_now(now_ns - idle_ns),
	};
	xrl_packed word = xrl_window_open(limit, now_ns - random_age_ns(limit),
	                                  limit->max_units + 1 - random_below(3));

	if (random_below(8))
		assert_true(xrl_window_swap(&bucket.windows[0], 0, word));
	return bucket;
}

static void one_packet_agrees_for_any_bucket(void **state)
{
	(void)state;
	for (int i = 0; i < 300000; i++) {
		struct xrl_class class =
			simple_class(random_max_units(), periods_ns[random_below(PERIODS)]);
		__u64 now_ns = YEAR_NS + random_below(YEAR_NS);
		struct xrl_bucket simple, full;

		jiffies_at_boot = random64();
		set_clock(now_ns);
		simple = full = random_bucket(&class, now_ns);
		assert_same_packet(&simple, &full, &class);
	}
}

/* ---- exactness ---- */

/* The latest end of a window: its first packet and its period are each rounded up to a tick. */
static __u64 latest_end_ns(const struct xrl_limit *limit, __u64 opened_ns)
{
	__u64 ticks = (opened_ns + tick_ns(limit) - 1) / tick_ns(limit) +
	              (limit->period_ns + tick_ns(limit) - 1) / tick_ns(limit);

	return ticks * tick_ns(limit);
}

/* In the ticks around its end, either result is right: after an idle period, the clock decides
 * instead of the ticks. */
static void assert_exact(struct xrl_bucket *bucket, const struct xrl_class *class, __u64 *opened_ns,
                         __u64 *used)
{
	const struct xrl_limit *limit = &class->limits[0];
	int passed = charge_simple_path(bucket, class) == XRL_PASS;
	int is_new = fake_boot_ns >= latest_end_ns(limit, *opened_ns) ||
	             (fake_boot_ns >= *opened_ns + limit->period_ns && passed &&
	              bucket->windows[0].used_units == 1);

	if (is_new) {
		*opened_ns = fake_boot_ns;
		*used = 0;
	}
	assert_int_equal(passed, *used < limit->max_units);
	*used += passed;
	assert_int_equal(bucket->windows[0].used_units, *used);
}

static void window_holds_n_and_lasts_a_period(void **state)
{
	(void)state;
	for (int walk = 0; walk < 200; walk++) {
		struct xrl_class class =
			simple_class(1 + random_below(60), periods_ns[walk % PERIODS]);
		__u64 opened_ns = 0, used = 0, now_ns = DAY_NS + HOUR_NS + random_below(YEAR_NS);
		struct xrl_bucket bucket = {};

		jiffies_at_boot = random64();
		for (int i = 0; i < 2000; i++) {
			now_ns += pause_ns(&class.limits[0]);
			set_clock(now_ns);
			assert_exact(&bucket, &class, &opened_ns, &used);
		}
	}
}

/* A window is open until its last nanosecond, whether or not packets refreshed it, and then
 * expired. */
static void window_ends_neither_early_nor_late(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct xrl_class class = simple_class(3, periods_ns[round % PERIODS]);
		const struct xrl_limit *limit = &class.limits[0];
		__u64 opened_ns = DAY_NS + random_below(YEAR_NS), at_ns = opened_ns, end_ns;
		struct xrl_bucket bucket = {};

		jiffies_at_boot = random64();
		set_clock(opened_ns);
		assert_int_equal(flood_simple(&bucket, &class, 9), 3);
		end_ns = latest_end_ns(limit, opened_ns);
		assert_true(end_ns >= opened_ns + limit->period_ns);
		assert_true(end_ns < opened_ns + limit->period_ns + 2 * tick_ns(limit));
		while ((at_ns += 1 + random_below(limit->period_ns)) <
		       opened_ns + limit->period_ns) {
			set_clock(at_ns);
			assert_int_equal(charge_simple_path(&bucket, &class), XRL_OVER_LIMIT);
		}
		set_clock(opened_ns + limit->period_ns - 1);
		assert_int_equal(charge_simple_path(&bucket, &class), XRL_OVER_LIMIT);
		set_clock(end_ns);
		assert_false(xrl_is_fresh(&bucket, &class));
		assert_int_equal(flood_simple(&bucket, &class, 9), 3);
	}
}

/* Idle for up to four years, also where the ticks have wrapped. */
static void idle_source_gets_n_once(void **state)
{
	(void)state;
	for (int round = 0; round < 40000; round++) {
		struct xrl_class class = simple_class(4, periods_ns[round % PERIODS]);
		const struct xrl_limit *limit = &class.limits[0];
		__u64 eighths = 8 + random_below(random_below(2) ? 80 : 20000), idle_ns;
		struct xrl_bucket bucket = {};

		idle_ns = eighths * (random_below(2) ? limit->period_ns : wrap_ns(limit) / 8) / 8;
		if (idle_ns < limit->period_ns || idle_ns > 4 * YEAR_NS)
			continue;
		set_clock(DAY_NS + random_below(DAY_NS));
		assert_true(flood_simple(&bucket, &class, 1 + random_below(9)) > 0);
		set_clock(fake_boot_ns + idle_ns + (2 + random_below(3)) * tick_ns(limit));
		assert_int_equal(flood_simple(&bucket, &class, 9), 4);
		set_clock(fake_boot_ns + limit->period_ns - 1);
		assert_int_equal(flood_simple(&bucket, &class, 9), 0);
	}
}

/* ---- an open window of ICMP errors ---- */

static void open_icmp_window_needs_the_full_path(void **state)
{
	(void)state;
	assert_int_equal(xrl_refresh_simple(NULL, NULL), XRL_RETRY);
	for (int packets = 0; packets <= 6; packets++)
		for (__u64 into_ns = 0; into_ns < 12 * SECOND_NS; into_ns += SECOND_NS / 7) {
			struct xrl_class class = simple_class(5, SECOND_NS);
			struct xrl_bucket bucket = {}, before;

			set_clock(DAY_NS);
			flood_simple(&bucket, &class, packets);
			assert_int_equal(xrl_charge_icmp_error(&bucket, &class), XRL_PASS);
			set_clock(DAY_NS + into_ns);
			before = bucket;
			assert_int_equal(xrl_refresh_simple(&bucket, &class), XRL_RETRY);
			assert_memory_equal(&before, &bucket, sizeof(bucket));
			/* closes the window if it has expired */
			charge_full_path(&bucket, &class);
			set_clock(fake_boot_ns + SECOND_NS + JIFFY_NS);
			assert_int_equal(charge_full_path(&bucket, &class), XRL_PASS);
			assert_int_not_equal(xrl_refresh_simple(&bucket, &class), XRL_RETRY);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_walks_agree_with_the_full_path),
		cmocka_unit_test(one_packet_agrees_for_any_bucket),
		cmocka_unit_test(window_holds_n_and_lasts_a_period),
		cmocka_unit_test(window_ends_neither_early_nor_late),
		cmocka_unit_test(idle_source_gets_n_once),
		cmocka_unit_test(open_icmp_window_needs_the_full_path),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
