// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* bpf/limit/source_limits.h with limits of different algorithms in one class: a packet is charged
 * to all of them or to none. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/bpf/limit/class_fixture.h"

static struct xrl_limit random_limit(void)
{
	enum xrl_unit unit = random_below(XRL_UNITS);
	__u64 n = unit == XRL_BYTES ? 20000 : 30,
	      period_ns = SECOND_NS + random_below(9 * SECOND_NS);

	return limit_like(random_below(XRL_ALGORITHMS), 1 + random_below(n), 1 + random_below(n),
	                  period_ns, unit);
}

static struct xrl_class random_class(void)
{
	struct xrl_class class = empty_class();

	for (int count = 2 + random_below(3); count; count--)
		add(&class, random_limit());
	return class;
}

static struct xrl_cost random_cost(void)
{
	return (struct xrl_cost){
		.units = {[XRL_PACKETS] = 1,
	                  [XRL_BYTES] = 60 + random_below(1455),
	                  [XRL_CONNECTIONS] = !random_below(3),
	                  [XRL_HTTP_REQUESTS] = !random_below(4)},
	};
}

/* The state of each limit if it were charged alone. Returns the first that rejects, or limit_count.
 */
static __u32 predict_each(const struct xrl_bucket *bucket, const struct xrl_class *class,
                          const struct xrl_cost *cost, xrl_packed next[XRL_MAX_LIMITS])
{
	for (__u32 i = 0; i < class->limit_count; i++) {
		__u64 units = cost->units[class->limits[i].unit];

		next[i] = xrl_window_read(&bucket->windows[i]);
		if (!units)
			continue;
		next[i] = xrl_limit_charge(&class->limits[i], next[i], fake_boot_ns, units);
		if (!next[i])
			return i;
	}
	return class->limit_count;
}

static void all_or_none(void **state)
{
	__u64 rejected = 0, passed = 0;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct xrl_class class = random_class();
		struct xrl_bucket bucket = {}, before;
		__u64 now_ns = DAY_NS + random_below(YEAR_NS);

		jiffies_at_boot = random64();
		for (int i = 0; i < 2000; i++) {
			struct xrl_cost cost = random_cost();
			xrl_packed next[XRL_MAX_LIMITS];
			struct charge outcome;
			__u32 rejecting;

			now_ns += random_below(random_below(30) ? 200 * MS_NS : 20 * SECOND_NS);
			set_clock(now_ns);
			xrl_refresh(&bucket,
			            &class); /* closes expired windows; the rest must stay */
			before = bucket;
			rejecting = predict_each(&bucket, &class, &cost, next);
			outcome = charge_cost(&bucket, &class, &cost);
			if (rejecting < class.limit_count) {
				assert_int_equal(outcome.result, XRL_OVER_LIMIT);
				assert_int_equal(outcome.unit, class.limits[rejecting].unit);
				assert_memory_equal(before.windows, bucket.windows,
				                    sizeof(bucket.windows));
				rejected++;
				continue;
			}
			assert_int_equal(outcome.result, XRL_PASS);
			assert_memory_equal(next, bucket.windows,
			                    class.limit_count * sizeof(next[0]));
			passed++;
		}
	}
	assert_true(rejected > 100000 && passed > 50000);
}

/* A class with one limit takes a different code path. */
static void one_limit_decides_like_two_equal_ones(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		struct xrl_class one = class_with(random_limit()), two = one;
		struct xrl_bucket bucket = {}, other = {};
		__u64 now_ns = DAY_NS;

		add(&two, one.limits[0]);
		for (int i = 0; i < 1000; i++) {
			struct xrl_cost cost = random_cost();

			now_ns += random_below(random_below(30) ? 200 * MS_NS : 20 * SECOND_NS);
			set_clock(now_ns);
			assert_int_equal(charge_cost(&bucket, &one, &cost).result,
			                 charge_cost(&other, &two, &cost).result);
			assert_int_equal(xrl_window_read(&other.windows[0]),
			                 xrl_window_read(&other.windows[1]));
		}
	}
}

/* A receipt holds the upper half of a token bucket's word; the rest of a unit is not refunded. */
static void assert_refunded(const struct xrl_limit *limit, const struct xrl_window *now,
                            const struct xrl_window *before)
{
	__u64 used = xrl_limit_used(limit, xrl_window_read(now), DAY_NS);
	__u64 was = xrl_limit_used(limit, xrl_window_read(before), DAY_NS);

	assert_true(used >= was && used <= was + (limit->algorithm == XRL_TOKEN));
}

/* When another CPU wins the race for the last limit, xrl_try_all refunds the charges to the others.
 */
static void partial_charge_is_refunded(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct xrl_class class = random_class();
		struct xrl_cost cost = random_cost();
		struct xrl_bucket bucket = {}, before;
		struct xrl_receipt receipt;
		__u32 last = class.limit_count - 1;
		__u64 now_ns = DAY_NS;

		set_clock(DAY_NS);
		charge_cost(&bucket, &class, &cost);
		before = bucket;
		memset(&receipt, 0xFF, sizeof(receipt));
		for (__u32 i = 0; i < last; i++) {
			__u64 units = cost.units[class.limits[i].unit];
			xrl_packed word =
				units ? xrl_charge_window(&bucket, &class, i, units, &now_ns) : 0;

			receipt.charged[i] = word ? word >> 32 : XRL_NOT_CHARGED;
		}
		xrl_refund_all(&bucket, &class, &cost, &receipt);
		for (__u32 i = 0; i < class.limit_count; i++)
			assert_refunded(&class.limits[i], &bucket.windows[i], &before.windows[i]);
	}
}

static __u64 percent_of(__u64 units, __u32 percent)
{
	return (units * percent + 99) / 100;
}

/* The warning starts with the unit that reaches the percentage, in one packet or in many. */
static void warning_starts_at_its_percentage(void **state)
{
	static const __u32 percents[] = {1, 33, 50, 80, 99, 100};

	(void)state;
	for (int round = 0; round < 3000; round++) {
		__u64 n = 1 + random_below(300), near = percent_of(n, percents[round % 6]);
		struct xrl_class class = class_with(
			limit_like(round / 6 % XRL_ALGORITHMS, n, n, SECOND_NS, XRL_CONNECTIONS));
		struct xrl_bucket bucket = {};

		set_clock(DAY_NS);
		class.limits[0].warn_units = near;
		assert_int_equal(charge_units(&(struct xrl_bucket){}, &class, n), XRL_PASS);
		class.warns = 1;
		for (__u64 used = 1; used <= n; used++) {
			assert_int_equal(charge_units(&bucket, &class, 1),
			                 used < near ? XRL_PASS : XRL_PASS_NEAR);
		}
		assert_int_equal(charge_units(&bucket, &class, 1), XRL_OVER_LIMIT);
	}
}

/* Fading usage counts while any of it is left; a fraction counts as a whole unit. */
static void warning_ends_as_usage_fades(void **state)
{
	static const struct {
		enum xrl_algorithm algorithm;
		__u64 full_ms, then_ms; /* when 100 units are charged, and when one more is */
		int is_near;
	} table[] = {
		{XRL_FIXED, 0, 1100, 0},     {XRL_SLIDING, 999, 1200, 1},
		{XRL_SLIDING, 999, 1219, 1}, {XRL_SLIDING, 999, 1221, 0},
		{XRL_SLIDING, 500, 1221, 0}, {XRL_SLIDING, 999, 2000, 0},
		{XRL_TOKEN, 0, 210, 1},      {XRL_TOKEN, 0, 209, 1},
		{XRL_TOKEN, 0, 211, 1},      {XRL_TOKEN, 0, 219, 1},
		{XRL_TOKEN, 0, 220, 0},      {XRL_TOKEN, 0, 1000, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct xrl_class class = class_with(
			limit_like(table[i].algorithm, 100, 100, SECOND_NS, XRL_CONNECTIONS));
		struct xrl_bucket bucket = {};

		class.limits[0].warn_units = 80;
		class.warns = 1;
		set_clock(DAY_NS + table[i].full_ms * MS_NS);
		assert_int_equal(charge_units(&bucket, &class, 100), XRL_PASS_NEAR);
		set_clock(DAY_NS + table[i].then_ms * MS_NS);
		assert_int_equal(charge_units(&bucket, &class, 1),
		                 table[i].is_near ? XRL_PASS_NEAR : XRL_PASS);
	}
}

/* Any limit of several may warn, except one that the packet costs nothing. */
static void any_charged_limit_warns(void **state)
{
	(void)state;
	for (__u32 near = 0; near < XRL_ALGORITHMS; near++) {
		struct xrl_class class = empty_class();
		struct xrl_bucket bucket = {};

		for (int i = 0; i < XRL_ALGORITHMS; i++)
			add(&class, limit_like(i, 10, 10, SECOND_NS, XRL_CONNECTIONS));
		class.warns = 1;
		class.limits[near].warn_units = 3;
		set_clock(DAY_NS);
		assert_int_equal(charge(&bucket, &class, 60, 1).result, XRL_PASS);
		assert_int_equal(charge(&bucket, &class, 60, 1).result, XRL_PASS);
		assert_int_equal(charge(&bucket, &class, 60, 1).result, XRL_PASS_NEAR);
		assert_int_equal(charge(&bucket, &class, 60, 0).result, XRL_PASS);
		class.warns = 0;
		assert_int_equal(charge(&bucket, &class, 60, 1).result, XRL_PASS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_or_none),
		cmocka_unit_test(one_limit_decides_like_two_equal_ones),
		cmocka_unit_test(partial_charge_is_refunded),
		cmocka_unit_test(warning_starts_at_its_percentage),
		cmocka_unit_test(warning_ends_as_usage_fades),
		cmocka_unit_test(any_charged_limit_warns),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
