// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* What limit_derive and class_derive promise to the arithmetic of bpf/. */

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/bpf/limit/class_fixture.h"

#define TRIES 200000

/* Large N, long and short periods, and powers of two with their neighbors. */
static __u64 random_units_up_to(__u64 most)
{
	__u64 units = (1ULL << random_below(50)) + random_below(7) - 3;

	if (random_below(2) && units >= 1 && units <= most)
		return units;
	return random_below(4) ? random_scale(1, most) : most - random_below(most < 9 ? most : 9);
}

static struct xrl_limit any_limit(enum xrl_algorithm algorithm)
{
	__u64 period_ns = random_period();
	enum xrl_unit unit = random_below(XRL_UNITS);
	__u64 most = unit == XRL_BYTES ? LIMIT_MAX_BYTES : LIMIT_MAX_UNITS;
	__u64 rate = random_units_up_to(most), burst;
	wide full = (wide)LIMIT_MAX_PERIOD_NS * rate / period_ns;

	burst = random_units_up_to(full < (wide)most ? full : most);
	return limit_like(algorithm, rate, burst, period_ns, unit);
}

/* As many as leave room for a circle of four, and for their product with units in 62 bits. */
static void check_ticks(const struct xrl_limit *limit)
{
	__u64 most = 1ULL << (62 - limit->used_bits);
	__u64 tick_ns = 1ULL << limit->tick_shift, finer_ns;

	if (most > 1ULL << 22)
		most = 1ULL << 22;
	assert(limit->tick_shift && limit->tick_shift < 64);
	assert_true(limit->period_ticks <= most);
	/* the period rounded up, to the next tick and no further */
	assert_true(limit->period_ticks * tick_ns >= limit->period_ns);
	assert_true((limit->period_ticks - 1) * tick_ns < limit->period_ns);
	/* and no finer tick would do */
	finer_ns = 1ULL << (limit->tick_shift - 1);
	assert_true((limit->period_ns + finer_ns - 1) / finer_ns > most);
}

static void fixed_buckets(void **state)
{
	(void)state;
	for (int i = 0; i < TRIES; i++) {
		struct xrl_limit limit = any_limit(XRL_FIXED);

		check_ticks(&limit);
		assert_true(limit.used_bits >= 40 && limit.used_bits <= 50);
		assert_true(limit.max_units < (1ULL << limit.used_bits) - 3);
		if (limit.max_units < (1ULL << 40) - 3)
			assert_int_equal(limit.used_bits, 40);
		assert_int_equal(limit.token_cost, 0);
	}
}

static void sliding_windows(void **state)
{
	(void)state;
	for (int i = 0; i < TRIES; i++) {
		struct xrl_limit limit = any_limit(XRL_SLIDING);
		__u32 bits = limit.used_bits, shift = 2 * bits - 60;
		__u64 rounded = (limit.max_units + (1ULL << shift) - 1) >> shift << shift;

		check_ticks(&limit);
		assert_true(bits >= 30 && bits <= 50);
		assert_true(limit.max_units < 1ULL << bits);
		/* of 60 bits the previous window has what the current one leaves */
		assert_true(rounded >> shift < 1ULL << (60 - bits));
		assert_true((wide)rounded * limit.period_ticks < (wide)1 << 62);
		assert_true(((wide)1 << bits) * limit.period_ticks <= (wide)1 << 62);
		/* it is rounded by less than 0.2 % */
		assert_true((wide)((1ULL << shift) - 1) * 500 <= limit.max_units);
		if (limit.max_units < 1ULL << 30)
			assert_int_equal(shift, 0);
	}
}

static void token_buckets(void **state)
{
	(void)state;
	for (int i = 0; i < TRIES; i++) {
		struct xrl_limit limit = any_limit(XRL_TOKEN);
		wide period = (wide)limit.period_ns << limit.token_shift;

		assert_true(limit.token_shift <= 30 && limit.token_cost);
		assert_true((wide)limit.token_cost * limit.max_units < (wide)1 << 62);
		/* rounded up, by less than one */
		assert_true((wide)limit.token_cost * limit.rate_units >= period);
		assert_true((wide)(limit.token_cost - 1) * limit.rate_units < period);
		/* and no finer unit of time would do */
		if (limit.token_shift < 30)
			assert_true((wide)limit.token_cost * 2 * limit.max_units >= (wide)1 << 62);
		/* without a refresh for so long, less than half of the tick counter has passed */
		assert_true(xrl_lasts_ns(&limit) + (3ULL << XRL_CHECKED_SHIFT) <
		            1ULL << (63 - limit.token_shift));
		assert_true((wide)xrl_lasts_ns(&limit) << limit.token_shift >=
		            (wide)limit.token_cost * limit.max_units);
	}
}

static void the_extremes(void **state)
{
	static const __u64 most[] = {1, LIMIT_MAX_UNITS, LIMIT_MAX_BYTES};
	static const __u64 periods_ns[] = {LIMIT_MIN_PERIOD_NS, LIMIT_MAX_PERIOD_NS};

	(void)state;
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 2; k++) {
			struct xrl_limit limit =
				limit_like(XRL_TOKEN, most[i], most[i], periods_ns[k], XRL_BYTES);

			assert_true((wide)limit.token_cost * most[i] < (wide)1 << 62);
			assert_true((wide)limit.token_cost * most[i] >=
			            (wide)periods_ns[k] << limit.token_shift);
			limit = limit_like(XRL_FIXED, most[i], 0, periods_ns[k], XRL_BYTES);
			check_ticks(&limit);
			limit = limit_like(XRL_SLIDING, most[i], 0, periods_ns[k], XRL_BYTES);
			check_ticks(&limit);
		}
}

/* Only fixed buckets stand still for a while. */
static void a_class_settles_for_its_shortest_window(void **state)
{
	static const struct {
		enum xrl_algorithm algorithm;
		__u64 period_ms, settled_ms;
	} table[] = {
		{XRL_FIXED, 100, 100}, {XRL_FIXED, 700, 700}, {XRL_FIXED, 5000, 1000},
		{XRL_SLIDING, 700, 0}, {XRL_TOKEN, 5000, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct xrl_class class = one_limit(5, 2 * SECOND_NS, XRL_BYTES);
		struct xrl_limit limit =
			limit_like(table[i].algorithm, 5, 5, table[i].period_ms * MS_NS, XRL_BYTES);

		class.limits[class.limit_count++] = limit;
		class_derive(&class);
		assert_true(class.jiffy_ns >= MS_NS && class.jiffy_ns <= 10 * MS_NS);
		assert_int_equal(class.settled_max_jiffies,
		                 table[i].settled_ms * MS_NS / class.jiffy_ns);
	}
}

static void what_is_plain(void **state)
{
	struct xrl_class class, changed;

	(void)state;
	class_set_default(&class);
	assert_true(class.is_plain);
	changed = class;
	changed.warns = 1;
	class_derive(&changed);
	assert_false(changed.is_plain);
	changed = class;
	changed.separate_count = 1;
	class_derive(&changed);
	assert_false(changed.is_plain);
	changed = class;
	limit_set_penalty(&changed.penalty, SECOND_NS);
	class_derive(&changed);
	assert_false(changed.is_plain);
	changed = class;
	changed.limits[changed.limit_count++] = class.limits[0];
	class_derive(&changed);
	assert_false(changed.is_plain);
	changed.limit_count = 0;
	class_derive(&changed);
	assert_false(changed.is_plain);
	for (int unit = XRL_BYTES; unit < XRL_UNITS; unit++)
		assert_false(one_limit(5, SECOND_NS, unit).is_plain);
	for (int other = XRL_SLIDING; other < XRL_ALGORITHMS; other++)
		assert_false(class_with(limit_like(other, 5, 5, SECOND_NS, XRL_PACKETS)).is_plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_buckets),
		cmocka_unit_test(sliding_windows),
		cmocka_unit_test(token_buckets),
		cmocka_unit_test(the_extremes),
		cmocka_unit_test(a_class_settles_for_its_shortest_window),
		cmocka_unit_test(what_is_plain),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
