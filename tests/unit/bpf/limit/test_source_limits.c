// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* bpf/limit/source_limits.h, on clocks that the test sets, against an independent model that
 * records what passed, and when. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/bpf/limit/sequence.h"

/* A window of the model, open for a period from its first unit. */
struct model {
	__u64 opened_ns, used;
	int open;
	__u64 behind_ns; /* by which clocks differ: a window may expire that much later */
};

static void model_expire(struct model *model, __u64 period_ns)
{
	if (model->open && fake_boot_ns >= model->opened_ns + period_ns)
		model->open = 0;
}

static int model_passes(struct model *model, __u64 max_units, __u64 units)
{
	if (!model->open) {
		if (units > max_units)
			return 0;
		*model = (struct model){fake_boot_ns, units, 1, model->behind_ns};
		return 1;
	}
	if (model->used + units > max_units)
		return 0;
	model->used += units;
	return 1;
}

/* Whether the window may expire a little later than in the model; then either result is right, and
 * the model follows. */
static int is_near_the_end(const struct model *model, const struct xrl_class *class)
{
	__u64 end_ns = model->opened_ns + class->limits[0].period_ns;

	return model->used && fake_boot_ns >= end_ns &&
	       fake_boot_ns < end_ns + model->behind_ns + lateness_ns(class);
}

/* Whether the bucket still has the model's window. */
static int is_same_window(const struct xrl_bucket *bucket, const struct xrl_class *class,
                          const struct model *model)
{
	const struct xrl_limit *limit = &class->limits[0];
	xrl_packed word = xrl_window_read(&bucket->windows[0]);

	return word && xrl_window_is_same(limit, word, xrl_window_open(limit, model->opened_ns, 0));
}

static int step(struct xrl_bucket *bucket, const struct xrl_class *class, struct model *model,
                __u64 units)
{
	const struct xrl_limit *limit = &class->limits[0];
	int passed = charge_units(bucket, class, units) == XRL_PASS;

	if (!is_near_the_end(model, class) || !is_same_window(bucket, class, model))
		model_expire(model, limit->period_ns);
	assert_int_equal(passed, model_passes(model, limit->max_units, units));
	if (model->open)
		assert_int_equal(xrl_window_used(limit, xrl_window_read(&bucket->windows[0])),
		                 model->used);
	return passed;
}

/* Dense and idle stretches, packets of any cost, and clocks that differ a little. */
static struct model model;

static void begin(struct sequence *sequence, int round, enum xrl_unit unit, __u64 most_units)
{
	__u64 period_ns = random_period();

	sequence->now_ns = period_ns + random_below(YEAR_NS);
	sequence->behind_ns =
		round % 3 ? 0 : random_below(period_ns < SECOND_NS ? 1000 : SECOND_NS);
	sequence->class = one_limit(random_scale(1, most_units), period_ns, unit);
	sequence->pause_ns = period_ns;
	model = (struct model){.behind_ns = sequence->behind_ns};
	jiffies_at_boot = random64();
}

static int random_step(struct sequence *sequence)
{
	const struct xrl_limit *limit = &sequence->class.limits[0];
	__u64 units = random_units(limit, model.open ? model.used : 0);

	return step(&sequence->bucket, &sequence->class, &model,
	            limit->unit == XRL_PACKETS ? 1 : units);
}

static void packets_match_the_model(void **state)
{
	(void)state;
	assert_both_results(run_sequences(begin, random_step, XRL_PACKETS, 100));
}

static void bytes_match_the_model(void **state)
{
	(void)state;
	assert_both_results(run_sequences(begin, random_step, XRL_BYTES, 100000));
	assert_both_results(run_sequences(begin, random_step, XRL_BYTES, LIMIT_MAX_BYTES));
}

static void connections_match_the_model(void **state)
{
	(void)state;
	assert_both_results(run_sequences(begin, random_step, XRL_CONNECTIONS, LIMIT_MAX_UNITS));
}

/* Under unlimited demand, each window passes N and lasts a period, or slightly longer. */
static void unlimited_demand_passes_exactly_n(void **state)
{
	struct xrl_class class = one_limit(100, SECOND_NS, XRL_PACKETS);
	struct xrl_bucket bucket = {};
	__u64 opened_ns = 0, passed = 0, windows = 0, last_window = 0;

	(void)state;
	for (__u64 now_ns = DAY_NS; now_ns < DAY_NS + 100 * SECOND_NS; now_ns += MS_NS / 3) {
		set_clock(now_ns);
		if (!passes(&bucket, &class))
			continue;
		if (bucket.windows[0].used_units == 1) {
			if (windows) {
				assert_int_equal(last_window, 100);
				assert_true(now_ns - opened_ns >= SECOND_NS);
				assert_true(now_ns - opened_ns <=
				            SECOND_NS + lateness_ns(&class) + MS_NS);
			}
			windows++;
			opened_ns = now_ns;
			last_window = 0;
		}
		last_window++;
		passed++;
	}
	assert_true(windows >= 99);
	assert_int_equal(passed, (windows - 1) * 100 + last_window);
}

/* Four limits with different periods: a packet is charged to all of them or to none. */
static void all_or_none(void **state)
{
	struct xrl_class class = empty_class();
	struct xrl_bucket bucket = {}, before;
	__u64 now_ns = DAY_NS, rejected = 0, passed = 0;

	(void)state;
	add_limit(&class, 40, SECOND_NS, XRL_PACKETS);
	add_limit(&class, 20000, 3 * SECOND_NS, XRL_BYTES);
	add_limit(&class, 10, 5 * SECOND_NS, XRL_CONNECTIONS);
	add_limit(&class, 300, 60 * SECOND_NS, XRL_PACKETS);
	for (int i = 0; i < 100000; i++) {
		struct charge outcome;
		__u32 bytes = 60 + random_below(1500), connections = !random_below(9);

		now_ns += random_below(40 * MS_NS);
		set_clock(now_ns);
		xrl_refresh(&bucket, &class); /* closes expired windows; the rest must stay */
		before = bucket;
		outcome = charge(&bucket, &class, bytes, connections);
		if (outcome.result == XRL_OVER_LIMIT) {
			assert_memory_equal(before.windows, bucket.windows, sizeof(bucket.windows));
			rejected++;
			continue;
		}
		assert_int_equal(outcome.result, XRL_PASS);
		passed++;
		assert_int_equal(bucket.windows[0].used_units, before.windows[0].used_units + 1);
		assert_int_equal(bucket.windows[1].used_units,
		                 before.windows[1].used_units + bytes);
		assert_int_equal(bucket.windows[2].used_units,
		                 before.windows[2].used_units + connections);
		assert_int_equal(bucket.windows[3].used_units, before.windows[3].used_units + 1);
		for (int limit = 0; limit < 4; limit++)
			assert_true(bucket.windows[limit].used_units <=
			            class.limits[limit].max_units);
	}
	assert_true(rejected > 1000 && passed > 1000);
}

/* The result names the limit that rejected by its unit. */
static void result_names_the_rejecting_unit(void **state)
{
	struct xrl_class class = empty_class();
	struct xrl_bucket bucket = {};

	(void)state;
	set_clock(DAY_NS);
	add_limit(&class, 3, DAY_NS, XRL_PACKETS);
	add_limit(&class, 1000, DAY_NS, XRL_BYTES);
	add_limit(&class, 1, DAY_NS, XRL_CONNECTIONS);
	assert_int_equal(charge(&bucket, &class, 100, 1).result, XRL_PASS);
	assert_int_equal(charge(&bucket, &class, 100, 1).result, XRL_OVER_LIMIT);
	assert_int_equal(charge(&bucket, &class, 100, 1).unit, XRL_CONNECTIONS);
	assert_int_equal(charge(&bucket, &class, 901, 0).unit, XRL_BYTES);
	assert_int_equal(charge(&bucket, &class, 900, 0).result, XRL_PASS);
	assert_int_equal(charge(&bucket, &class, 60, 0).unit, XRL_BYTES);
	assert_int_equal(bucket.windows[0].used_units, 2);
}

static void cost_above_the_limit_never_passes(void **state)
{
	struct xrl_class class = one_limit(1000, SECOND_NS, XRL_BYTES);
	struct xrl_bucket bucket = {};

	(void)state;
	for (__u64 now_ns = DAY_NS; now_ns < DAY_NS + 10 * SECOND_NS; now_ns += 100 * MS_NS) {
		set_clock(now_ns);
		assert_int_equal(charge(&bucket, &class, 1001, 0).result, XRL_OVER_LIMIT);
		assert_int_equal(xrl_window_read(&bucket.windows[0]), 0);
	}
	assert_int_equal(charge(&bucket, &class, 1000, 0).result, XRL_PASS);
}

static void zero_cost_opens_no_window(void **state)
{
	struct xrl_class class = one_limit(1, SECOND_NS, XRL_CONNECTIONS);
	struct xrl_bucket bucket = {};

	(void)state;
	set_clock(DAY_NS);
	for (int i = 0; i < 10; i++)
		assert_int_equal(charge(&bucket, &class, 100, 0).result, XRL_PASS);
	assert_int_equal(xrl_window_read(&bucket.windows[0]), 0);
	assert_int_equal(charge(&bucket, &class, 100, 1).result, XRL_PASS);
	assert_int_equal(charge(&bucket, &class, 100, 1).result, XRL_OVER_LIMIT);
	assert_int_equal(charge(&bucket, &class, 100, 0).result, XRL_PASS);
}

static void class_without_limits_rejects_nothing(void **state)
{
	struct xrl_class class = one_limit(1, SECOND_NS, XRL_PACKETS);
	struct xrl_bucket bucket = {};

	(void)state;
	class.limit_count = 0;
	set_clock(DAY_NS);
	assert_int_equal(flood(&bucket, &class, 1000), 1000);
}

static void icmp_errors_have_their_own_window(void **state)
{
	struct xrl_class class = one_limit(3, SECOND_NS, XRL_PACKETS);
	struct xrl_bucket bucket = {};
	int passed = 0;

	(void)state;
	set_clock(DAY_NS);
	assert_int_equal(flood(&bucket, &class, 10), 3);
	for (int i = 0; i < 500; i++)
		passed += xrl_charge_icmp_error(&bucket, &class) == XRL_PASS;
	assert_int_equal(passed, 100);
	assert_int_equal(bucket.windows[0].used_units, 3);
	set_clock(DAY_NS + SECOND_NS + lateness_ns(&class));
	assert_int_equal(xrl_charge_icmp_error(&bucket, &class), XRL_PASS);
	assert_int_equal(flood(&bucket, &class, 10), 3);
}

static void refund_ends_with_the_window(void **state)
{
	struct xrl_class class = one_limit(100, SECOND_NS, XRL_PACKETS);
	const struct xrl_limit *limit = &class.limits[0];
	xrl_packed charged = xrl_window_open(limit, DAY_NS, 5),
		   other = xrl_window_open(limit, 2 * DAY_NS, 5);
	struct xrl_window window = {};

	(void)state;
	assert_true(xrl_window_swap(&window, 0, charged));
	assert_true(xrl_refund(&window, limit, charged, 3));
	assert_int_equal(window.used_units, 2);
	xrl_refund(&window, limit, charged, 3); /* more than is used */
	assert_int_equal(window.used_units, 2);
	xrl_refund(&window, limit, charged, 2); /* nothing is left, so it closes */
	assert_int_equal(xrl_window_read(&window), 0);
	assert_true(xrl_window_swap(&window, 0, other));
	xrl_refund(&window, limit, charged, 3);
	assert_int_equal(window.used_units, 5);
	assert_true(xrl_window_swap(&window, other, 0));
	assert_true(xrl_refund(&window, limit, charged, 3));
	assert_int_equal(xrl_window_read(&window), 0);
}

/* After a full refund, the next unit opens a new window with a new start. */
static void emptied_window_reopens(void **state)
{
	struct xrl_class class = one_limit(5, SECOND_NS, XRL_BYTES);
	struct xrl_bucket bucket = {};

	(void)state;
	set_clock(DAY_NS);
	assert_int_equal(charge_units(&bucket, &class, 5), XRL_PASS);
	xrl_refund(&bucket.windows[0], &class.limits[0], xrl_window_read(&bucket.windows[0]), 5);
	set_clock(DAY_NS + SECOND_NS - MS_NS);
	assert_int_equal(charge_units(&bucket, &class, 5), XRL_PASS);
	set_clock(DAY_NS + 2 * SECOND_NS - 2 * MS_NS);
	assert_int_equal(charge_units(&bucket, &class, 1), XRL_OVER_LIMIT);
}

/* A simple class takes the simple path, with the same results. */
static void simple_path_agrees_with_the_full_one(void **state)
{
	struct xrl_class simple = one_limit(50, SECOND_NS, XRL_PACKETS), same = simple;
	struct xrl_bucket one = {}, other = {};
	__u64 now_ns = DAY_NS;

	(void)state;
	assert_true(simple.is_plain);
	assert_false(one_limit(50, SECOND_NS, XRL_BYTES).is_plain);
	assert_false(class_with(limit_like(XRL_SLIDING, 5, 0, SECOND_NS, XRL_PACKETS)).is_plain);
	assert_false(class_with(limit_like(XRL_TOKEN, 5, 5, SECOND_NS, XRL_PACKETS)).is_plain);
	same.is_plain = 0;
	for (int i = 0; i < 100000; i++) {
		now_ns += random_below(random_below(50) ? 20 * MS_NS : SECOND_NS);
		set_clock(now_ns);
		assert_int_equal(charge_units(&one, &simple, 1), charge_units(&other, &same, 1));
		assert_memory_equal(one.windows, other.windows, sizeof(one.windows));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_match_the_model),
		cmocka_unit_test(bytes_match_the_model),
		cmocka_unit_test(connections_match_the_model),
		cmocka_unit_test(unlimited_demand_passes_exactly_n),
		cmocka_unit_test(all_or_none),
		cmocka_unit_test(result_names_the_rejecting_unit),
		cmocka_unit_test(cost_above_the_limit_never_passes),
		cmocka_unit_test(zero_cost_opens_no_window),
		cmocka_unit_test(class_without_limits_rejects_nothing),
		cmocka_unit_test(icmp_errors_have_their_own_window),
		cmocka_unit_test(refund_ends_with_the_window),
		cmocka_unit_test(emptied_window_reopens),
		cmocka_unit_test(simple_path_agrees_with_the_full_one),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
