// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* bpf/limit/penalty.h: a source over a limit is rejected for the period of the penalty. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/bpf/limit/class_fixture.h"

#define GENERATION   0x89ABCDEFu
#define CLASS_NUMBER 0xA5

enum outcome { PASSED, EXCEEDED, PENALIZED };

/* The same steps as in bpf/verdict/verdict.h. */
static enum outcome decide(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	if (xrl_has_penalty(xrl_classification_read(bucket)) && xrl_penalty_ns(bucket, class))
		return PENALIZED;
	if (passes(bucket, class))
		return PASSED;
	xrl_begin_penalty(bucket, class, bucket->resolved.generation);
	return EXCEEDED;
}

static struct xrl_bucket classified_bucket(void)
{
	return (struct xrl_bucket){
		.resolved = {.generation = GENERATION, .class_number = CLASS_NUMBER},
	};
}

/* A limit of one packet in 100 ms. */
static struct xrl_class class_with_penalty(__u64 penalty_ns)
{
	struct xrl_class class = one_limit(1, 100 * MS_NS, XRL_PACKETS);

	limit_set_penalty(&class.penalty, penalty_ns);
	finish(&class);
	return class;
}

/* By how much a penalty may be too long: its start is rounded up to a tick, moved by another tick
 * if that tick is 0, and its end is seen at the end of a tick. */
static __u64 late_ns(const struct xrl_class *class)
{
	return 3ULL << class->penalty.tick_shift;
}

static void assert_no_penalty(const struct xrl_bucket *bucket)
{
	assert_int_equal(bucket->resolved.penalty_ticks, 0);
}

static void penalize(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	assert_int_equal(decide(bucket, class), PASSED);
	assert_int_equal(decide(bucket, class), EXCEEDED);
	assert_int_not_equal(bucket->resolved.penalty_ticks, 0);
	assert_int_equal(decide(bucket, class), PENALIZED);
}

static void penalty_leaves_the_classification_intact(void **state)
{
	struct xrl_class class = class_with_penalty(HOUR_NS);
	struct xrl_bucket bucket = classified_bucket();

	(void)state;
	set_clock(DAY_NS);
	assert_no_penalty(&bucket);
	penalize(&bucket, &class);
	assert_int_equal(bucket.resolved.generation, GENERATION);
	assert_int_equal(bucket.resolved.class_number, CLASS_NUMBER);
	set_clock(DAY_NS + HOUR_NS + late_ns(&class));
	assert_int_equal(decide(&bucket, &class), PASSED);
	assert_no_penalty(&bucket);
	assert_int_equal(bucket.resolved.generation, GENERATION);
	assert_int_equal(bucket.resolved.class_number, CLASS_NUMBER);
}

/* Starts at any time. Random packets during the penalty do not extend it. */
static void penalty_lasts_its_period(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		__u64 length_ns = random_period(), begin_ns = DAY_NS + random_below(3 * YEAR_NS);
		struct xrl_class class = class_with_penalty(length_ns);
		struct xrl_bucket bucket = classified_bucket();
		__u64 at_ns = begin_ns, most = length_ns >> random_below(8);

		jiffies_at_boot = random64();
		set_clock(begin_ns);
		penalize(&bucket, &class);
		while ((at_ns += 1 + random_below(most)) < begin_ns + length_ns) {
			set_clock(at_ns);
			assert_int_equal(decide(&bucket, &class), PENALIZED);
		}
		set_clock(begin_ns + length_ns - 1);
		assert_int_equal(decide(&bucket, &class), PENALIZED);
		set_clock(begin_ns + length_ns + late_ns(&class));
		assert_int_equal(decide(&bucket, &class), PASSED);
		assert_no_penalty(&bucket);
	}
}

/* The reported time is never too short, and at most three ticks too long. */
static void remaining_time_is_reported(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		__u64 length_ns = random_period(), begin_ns = DAY_NS + random_below(3 * YEAR_NS);
		struct xrl_class class = class_with_penalty(length_ns);
		struct xrl_bucket bucket = classified_bucket();
		__u64 into_ns = random_below(length_ns), rest_ns;

		set_clock(begin_ns);
		penalize(&bucket, &class);
		set_clock(begin_ns + into_ns);
		rest_ns = xrl_penalty_ns(&bucket, &class);
		assert_true(into_ns + rest_ns >= length_ns);
		assert_true(into_ns + rest_ns <= length_ns + late_ns(&class));
	}
}

/* The ticks of a penalty wrap after four or more of its periods. */
static void any_idle_time_past_its_end_ends_it(void **state)
{
	static const __u64 lengths_ns[] = {100 * MS_NS, SECOND_NS, 1234567891, HOUR_NS,
	                                   31 * DAY_NS};

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct xrl_class class = class_with_penalty(lengths_ns[i]);
		__u64 wrap_ns = 1ULL << (64 - XRL_CLASSIFICATION_BITS + class.penalty.tick_shift);

		for (__u64 eighths = 8; eighths < 800; eighths++) {
			__u64 idle_ns = eighths * (lengths_ns[i] / 8) + late_ns(&class) + 8;
			struct xrl_bucket bucket = classified_bucket();

			if (idle_ns > 4 * YEAR_NS)
				break;
			set_clock(DAY_NS);
			penalize(&bucket, &class);
			set_clock(DAY_NS + idle_ns);
			assert_int_equal(decide(&bucket, &class), PASSED);
			assert_no_penalty(&bucket);
		}
		for (__u64 circles = 1; circles * wrap_ns < 4 * YEAR_NS;
		     circles += circles / 2 + 1) {
			struct xrl_bucket bucket = classified_bucket();

			set_clock(DAY_NS);
			penalize(&bucket, &class);
			set_clock(DAY_NS + circles * wrap_ns);
			assert_int_equal(decide(&bucket, &class), PASSED);
			assert_no_penalty(&bucket);
		}
	}
}

/* Tick 0 means no penalty, so a penalty that would begin there begins in tick 1. */
static void penalty_begins_in_any_tick(void **state)
{
	static const __u64 lengths_ns[] = {100 * MS_NS, SECOND_NS, 31 * DAY_NS};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct xrl_class class = class_with_penalty(lengths_ns[i]);
		__u64 tick_ns = 1ULL << class.penalty.tick_shift,
		      wrap_ns = tick_ns << (64 - XRL_CLASSIFICATION_BITS);

		for (int ticks = -20; ticks <= 20; ticks++) {
			__u64 begin_ns = wrap_ns + ticks * (tick_ns / 8 + 1);
			struct xrl_bucket bucket = classified_bucket();

			set_clock(begin_ns);
			penalize(&bucket, &class);
			set_clock(begin_ns + lengths_ns[i] - 1);
			assert_int_equal(decide(&bucket, &class), PENALIZED);
			set_clock(begin_ns + lengths_ns[i] + late_ns(&class));
			assert_int_equal(decide(&bucket, &class), PASSED);
		}
	}
}

static void active_penalty_is_not_restarted(void **state)
{
	struct xrl_class class = class_with_penalty(HOUR_NS);
	struct xrl_bucket bucket = classified_bucket(), before;

	(void)state;
	set_clock(DAY_NS);
	assert_true(xrl_begin_penalty(&bucket, &class, bucket.resolved.generation));
	before = bucket;
	set_clock(DAY_NS + HOUR_NS / 2);
	assert_false(xrl_begin_penalty(&bucket, &class, bucket.resolved.generation));
	assert_memory_equal(&before, &bucket, sizeof(bucket));
}

/* The packet is rejected while the bucket is fresh, so without reading the clock. */
static void penalty_begins_without_a_refresh(void **state)
{
	struct xrl_class class = one_limit(1, SECOND_NS, XRL_PACKETS);
	struct xrl_bucket bucket = classified_bucket();

	(void)state;
	limit_set_penalty(&class.penalty, 100 * MS_NS);
	finish(&class);
	set_clock(DAY_NS);
	penalize(&bucket, &class);
	set_clock(DAY_NS + 850 * MS_NS);
	assert_int_equal(decide(&bucket, &class), EXCEEDED);
	set_clock(DAY_NS + 950 * MS_NS - 1);
	assert_int_equal(decide(&bucket, &class), PENALIZED);
}

/* A clock that is behind does not end a penalty early. */
static void cpu_with_a_slow_clock_sees_it(void **state)
{
	struct xrl_class class = class_with_penalty(SECOND_NS);

	(void)state;
	for (__u64 behind_ns = 0; behind_ns < SECOND_NS; behind_ns += 7 * MS_NS) {
		struct xrl_bucket bucket = classified_bucket();

		set_clock(DAY_NS);
		penalize(&bucket, &class);
		set_clock_behind(DAY_NS, behind_ns);
		assert_int_equal(decide(&bucket, &class), PENALIZED);
		assert_true(xrl_penalty_ns(&bucket, &class) >= SECOND_NS);
		set_clock_behind(DAY_NS + SECOND_NS - 1, behind_ns);
		assert_int_equal(decide(&bucket, &class), PENALIZED);
	}
}

/* ICMP errors bypass the penalty but refresh the bucket; an expired penalty must not come back. */
static void icmp_error_refresh_ends_it(void **state)
{
	struct xrl_class class = class_with_penalty(SECOND_NS);
	__u64 wrap_ns = 1ULL << (64 - XRL_CLASSIFICATION_BITS + class.penalty.tick_shift);
	struct xrl_bucket bucket = classified_bucket();

	(void)state;
	set_clock(DAY_NS);
	penalize(&bucket, &class);
	set_clock(DAY_NS + SECOND_NS / 2);
	assert_int_equal(xrl_charge_icmp_error(&bucket, &class), XRL_PASS);
	assert_int_equal(decide(&bucket, &class), PENALIZED);
	set_clock(DAY_NS + wrap_ns - SECOND_NS / 2);
	assert_int_equal(xrl_charge_icmp_error(&bucket, &class), XRL_PASS);
	set_clock(DAY_NS + wrap_ns);
	assert_int_equal(decide(&bucket, &class), PASSED);
}

/* The class no longer has a penalty. */
static void removed_penalty_ends_at_once(void **state)
{
	struct xrl_class class = class_with_penalty(HOUR_NS);
	struct xrl_bucket bucket = classified_bucket();

	(void)state;
	set_clock(DAY_NS);
	penalize(&bucket, &class);
	class.penalty = (struct xrl_limit){};
	assert_int_equal(xrl_penalty_ns(&bucket, &class), 0);
	assert_no_penalty(&bucket);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(penalty_leaves_the_classification_intact),
		cmocka_unit_test(penalty_lasts_its_period),
		cmocka_unit_test(remaining_time_is_reported),
		cmocka_unit_test(any_idle_time_past_its_end_ends_it),
		cmocka_unit_test(penalty_begins_in_any_tick),
		cmocka_unit_test(active_penalty_is_not_restarted),
		cmocka_unit_test(penalty_begins_without_a_refresh),
		cmocka_unit_test(cpu_with_a_slow_clock_sees_it),
		cmocka_unit_test(icmp_error_refresh_ends_it),
		cmocka_unit_test(removed_penalty_ends_at_once),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
