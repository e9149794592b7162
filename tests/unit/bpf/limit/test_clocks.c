// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* bpf/limit/source_limits.h and refresh.h under all kinds of clocks: CPUs whose clocks differ,
 * jiffies and ticks that wrap, long idle times, and how long a bucket stays fresh. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/bpf/limit/class_fixture.h"

/* Two CPUs whose clocks differ by up to a period. */
static void skewed_clocks_pass_no_more(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		struct xrl_class class = one_limit(50, SECOND_NS, XRL_PACKETS);
		__u64 skew_ns = random_below(SECOND_NS - JIFFY_NS), passed = 0;
		__u64 begin_ns = DAY_NS + random_below(DAY_NS), end_ns = begin_ns + 20 * SECOND_NS;
		struct xrl_bucket bucket = {};

		jiffies_at_boot = random64();
		for (__u64 now_ns = begin_ns; now_ns < end_ns; now_ns += 7 * MS_NS) {
			set_clock(now_ns);
			/* all CPUs share the jiffies */
			fake_boot_ns -= random_below(2) * skew_ns;
			passed += flood(&bucket, &class, 5);
		}
		/* the windows by the faster clock, and one more for the slower one */
		assert_true(passed <= 50 * (20 + 1));
	}
}

/* A CPU that is behind does not expire a window that a CPU ahead has opened. */
static void clock_behind_opens_nothing(void **state)
{
	struct xrl_class class = one_limit(10, SECOND_NS, XRL_PACKETS);
	struct xrl_bucket bucket = {};

	(void)state;
	set_clock(DAY_NS);
	assert_int_equal(flood(&bucket, &class, 100), 10);
	for (__u64 back_ns = MS_NS; back_ns < SECOND_NS; back_ns += MS_NS) {
		set_clock(DAY_NS - back_ns);
		assert_int_equal(flood(&bucket, &class, 3), 0);
	}
}

static void jiffies_wrap_around(void **state)
{
	(void)state;
	for (__u32 before = 0; before < 600; before++) {
		struct xrl_class class = one_limit(5, SECOND_NS, XRL_PACKETS);
		struct xrl_bucket bucket = {};

		jiffies_at_boot = -(__u32)(DAY_NS / JIFFY_NS) - before;
		for (int window = 0; window < 5; window++) {
			set_clock(DAY_NS + window * (SECOND_NS + lateness_ns(&class)));
			assert_int_equal(flood(&bucket, &class, 20), 5);
			set_clock(fake_boot_ns + SECOND_NS - 1);
			assert_int_equal(flood(&bucket, &class, 20), 0);
		}
	}
}

/* A source that returns after any time is like a new one. After a whole number of wraparounds, the
 * ticks alone would say that no time has passed. */
static void idle_source_is_like_a_new_one(void **state)
{
	static const __u64 periods_ns[] = {100 * MS_NS, SECOND_NS, 60 * SECOND_NS, HOUR_NS};

	(void)state;
	jiffies_at_boot = 0;
	for (int i = 0; i < 4; i++) {
		struct xrl_class class = one_limit(5, periods_ns[i], XRL_PACKETS);
		__u64 wrap_ns = 1ULL << (24 + class.limits[0].tick_shift);

		for (__u64 periods = 1; periods <= 1000000; periods = periods * 5 / 4 + 1) {
			__u64 idle_ns = periods * periods_ns[i] + lateness_ns(&class);
			struct xrl_bucket bucket = {};

			set_clock(DAY_NS);
			assert_int_equal(flood(&bucket, &class, 9), 5);
			set_clock(DAY_NS + idle_ns);
			assert_int_equal(flood(&bucket, &class, 9), 5);
			set_clock(DAY_NS + idle_ns + (periods / 4 + 1) * wrap_ns);
			assert_int_equal(flood(&bucket, &class, 9), 5);
		}
	}
}

/* Jiffies wrap after 2^32 (199 days at 250 per second). A source that returns just then may have to
 * wait, but for at most a second, and gets at most N. */
static void jiffies_wraparound_costs_at_most_a_second(void **state)
{
	struct xrl_class class = one_limit(5, HOUR_NS, XRL_PACKETS);
	__u64 wrap_ns = JIFFY_NS << 32, back_ns;
	struct xrl_bucket bucket = {};

	(void)state;
	set_clock(DAY_NS);
	assert_int_equal(flood(&bucket, &class, 9), 5);
	for (back_ns = 0; back_ns <= SECOND_NS; back_ns += JIFFY_NS) {
		set_clock(DAY_NS + wrap_ns + back_ns);
		if (passes(&bucket, &class))
			break;
	}
	assert_true(back_ns <= SECOND_NS);
	assert_int_equal(flood(&bucket, &class, 9), 4);
}

/* Refresh ticks wrap after four years, and just then idle time is not visible. A new bucket, whose
 * ticks are 0, must not be mistaken for a recent one for longer than clocks differ. */
static void four_years_of_uptime(void **state)
{
	const __u64 wrap_ns = 1ULL << (32 + XRL_CHECKED_SHIFT);

	(void)state;
	for (__u64 up_ns = DAY_NS; up_ns < 2 * wrap_ns; up_ns += 7 * DAY_NS + HOUR_NS) {
		struct xrl_class class = one_limit(5, SECOND_NS, XRL_PACKETS);
		__u64 ticks_ns = 1ULL << (24 + class.limits[0].tick_shift);
		struct xrl_bucket bucket = {};

		set_clock(up_ns);
		assert_int_equal(flood(&bucket, &class, 9), 5);
		for (int i = 1; i < 4; i++) {
			set_clock(up_ns + i * i * ticks_ns);
			assert_int_equal(flood(&bucket, &class, 9), 5);
		}
	}
}

/* A bucket is fresh only in jiffies that a refresh now could cover. */
static void freshness_covers_only_the_next_jiffies(void **state)
{
	struct xrl_class class = one_limit(5, SECOND_NS, XRL_PACKETS);
	__u32 most = class.settled_max_jiffies;
	struct xrl_bucket bucket = {};

	(void)state;
	set_clock(DAY_NS);
	for (__s64 ahead = -2; ahead <= most + 2; ahead++) {
		bucket.settled_until_jiffies = fake_jiffies + ahead;
		assert_int_equal(xrl_is_fresh(&bucket, &class), ahead >= 1 && ahead <= most);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(skewed_clocks_pass_no_more),
		cmocka_unit_test(clock_behind_opens_nothing),
		cmocka_unit_test(jiffies_wrap_around),
		cmocka_unit_test(idle_source_is_like_a_new_one),
		cmocka_unit_test(jiffies_wraparound_costs_at_most_a_second),
		cmocka_unit_test(four_years_of_uptime),
		cmocka_unit_test(freshness_covers_only_the_next_jiffies),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
