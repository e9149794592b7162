// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* bpf/limit/sliding_window.h against its formula in exact arithmetic:
 *
 *     current + previous * (period - into) / period + units <= N
 *
 * A packet that the formula rejects never passes. A packet that it passes with the following margin
 * for rounding does pass:
 *   - previous: rounded up to 2^shift of its word, so less than 2^shift more,
 *   - its weight: the elapsed ticks are rounded down by less than one, and the ticks of the period
 * up by less than one, so less than 2 / (ticks - 1) of previous more,
 *   - their product: rounded up by less than one. */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/bpf/limit/sequence.h"
#include "tests/unit/bpf/limit/threads.h"

/* Numbers the windows without wraparound. */
struct model {
	__u64 window, current, previous;
};

/* The model as of `now_ns`. A clock that is behind sees it unchanged. */
static struct model model_rotated(struct model model, __u64 now_ns, __u64 period_ns)
{
	__u64 window = now_ns / period_ns;

	if (!model.current && !model.previous)
		return (struct model){window, 0, 0};
	if (window <= model.window)
		return model;
	return (struct model){window, 0, window == model.window + 1 ? model.current : 0};
}

/* The usage times the period. For a clock that is behind, the window has just begun. */
static wide model_used(const struct model *model, __u64 now_ns, __u64 period_ns)
{
	__u64 begin_ns = model->window * period_ns, into_ns = 0;

	if (now_ns > begin_ns)
		into_ns = now_ns - begin_ns;
	return (wide)model->current * period_ns + (wide)model->previous * (period_ns - into_ns);
}

/* The margin for rounding, times the period. */
static wide max_rounding(const struct model *model, const struct xrl_limit *limit)
{
	__u64 step = 1ULL << (2 * limit->used_bits - 60);
	__u64 previous = (model->previous + step - 1) / step * step;

	if (!previous)
		return 0;
	return (wide)step * limit->period_ns +
	       (wide)previous * 2 * limit->period_ns / (limit->period_ticks - 1) + 1;
}

static void compare_used(const struct xrl_bucket *bucket, const struct xrl_limit *limit,
                         const struct model *model)
{
	xrl_packed word = xrl_window_read(&bucket->windows[0]);
	wide exact = model_used(model, fake_boot_ns, limit->period_ns);
	wide used = (wide)xrl_limit_used(limit, word, fake_boot_ns) * limit->period_ns;

	assert_true(used >= exact);
	assert_true(used <= exact + max_rounding(model, limit));
}

static int step(struct xrl_bucket *bucket, const struct xrl_class *class, struct model *model,
                __u64 units)
{
	const struct xrl_limit *limit = &class->limits[0];
	int passed = charge_units(bucket, class, units) == XRL_PASS;
	wide most = (wide)limit->max_units * limit->period_ns, wanted;
	struct model now;

	now = model_rotated(*model, fake_boot_ns, limit->period_ns);
	wanted = model_used(&now, fake_boot_ns, limit->period_ns) + (wide)units * limit->period_ns;
	if (passed)
		assert_true(wanted <= most);
	else
		assert_true(wanted + max_rounding(&now, limit) > most);
	now.current += passed ? units : 0;
	compare_used(bucket, limit, &now);
	/* a rejected packet changes nothing, unless both windows have expired */
	if (passed || (!now.current && !now.previous))
		*model = now;
	return passed;
}

static struct model model;

static void begin(struct sequence *sequence, int round, enum xrl_unit unit, __u64 most_units)
{
	__u64 period_ns = random_period(), n;

	sequence->now_ns = period_ns + random_below(YEAR_NS);
	n = random_scale(1, most_units);
	sequence->class = class_with(limit_like(XRL_SLIDING, n, 0, period_ns, unit));
	sequence->behind_ns =
		round % 3 ? 0 : random_below(period_ns < SECOND_NS ? 1000 : SECOND_NS);
	sequence->pause_ns = period_ns;
	model = (struct model){};
}

static int random_step(struct sequence *sequence)
{
	__u64 units = random_units(&sequence->class.limits[0], model.current);

	return step(&sequence->bucket, &sequence->class, &model, units);
}

static void connections_match_the_model(void **state)
{
	(void)state;
	assert_both_results(run_sequences(begin, random_step, XRL_CONNECTIONS, LIMIT_MAX_UNITS));
}

static void small_limits_match_the_model(void **state)
{
	(void)state;
	assert_both_results(run_sequences(begin, random_step, XRL_CONNECTIONS, 100));
}

static void bytes_match_the_model(void **state)
{
	(void)state;
	assert_both_results(run_sequences(begin, random_step, XRL_BYTES, LIMIT_MAX_BYTES));
}

/* N units at the end of one window: the room in the next one is exact to the unit. */
static void previous_window_fades(void **state)
{
	static const struct {
		__u64 into_ns, room;
	} table[] = {
		{0, 0},
		{1, 0},
		{10 * MS_NS - 1, 0},
		{10 * MS_NS + 1000, 1},
		{500 * MS_NS - 1, 49},
		{500 * MS_NS + 1000, 50},
		{SECOND_NS - 1, 99},
		{SECOND_NS + 1, 100 - 99},
		{SECOND_NS + 500 * MS_NS + 1000, 100 - 50},
		{2 * SECOND_NS, 100},
	};
	struct xrl_class class =
		class_with(limit_like(XRL_SLIDING, 100, 0, SECOND_NS, XRL_PACKETS));

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct xrl_bucket bucket = {};

		set_clock(DAY_NS - 1);
		assert_int_equal(flood(&bucket, &class, 200), 100);
		if (table[i].into_ns > SECOND_NS) {
			set_clock(DAY_NS + SECOND_NS - 1); /* 99 more, while 1 still counts */
			assert_int_equal(flood(&bucket, &class, 200), 99);
		}
		set_clock(DAY_NS + table[i].into_ns);
		assert_int_equal(flood(&bucket, &class, 200), table[i].room);
	}
}

/* Windows are numbered modulo 16. */
static void idle_for_whole_windows(void **state)
{
	static const __u64 periods_ns[] = {100 * MS_NS, 1234567890, HOUR_NS, 31 * DAY_NS};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct xrl_limit limit = limit_like(XRL_SLIDING, 5, 0, periods_ns[i], XRL_PACKETS);
		struct xrl_class class = class_with(limit);
		__u64 begin_ns = (YEAR_NS / periods_ns[i] + i) * periods_ns[i];

		for (__u64 idle = 2; idle <= 70; idle++) {
			struct xrl_bucket bucket = {};

			if (17 * idle * periods_ns[i] > 4 * YEAR_NS)
				break; /* idle time is exact up to four years, see bucket.h */

			set_clock(begin_ns);
			assert_int_equal(flood(&bucket, &class, 9), 5);
			set_clock(begin_ns + idle * periods_ns[i] - 1);
			assert_int_equal(flood(&bucket, &class, 9), idle == 2 ? 4 : 5);
			set_clock(begin_ns + idle * periods_ns[i] + 16 * idle * periods_ns[i]);
			assert_int_equal(flood(&bucket, &class, 9), 5);
		}
	}
}

/* Both counts share one word, so no CPU can add to an expired window. */
static void clock_behind_charges_the_current_window(void **state)
{
	struct xrl_limit limit = limit_like(XRL_SLIDING, 10, 0, SECOND_NS, XRL_PACKETS);
	struct xrl_class class = class_with(limit);
	struct xrl_bucket bucket = {};
	xrl_packed word;

	(void)state;
	set_clock(DAY_NS - 1000);
	assert_int_equal(flood(&bucket, &class, 6), 6);
	set_clock(DAY_NS);
	assert_int_equal(flood(&bucket, &class, 2), 2);
	word = xrl_window_read(&bucket.windows[0]);
	set_clock(DAY_NS - 1);
	assert_int_equal(flood(&bucket, &class, 9), 2);
	assert_int_equal(xrl_window_read(&bucket.windows[0]), word + 2);
	assert_int_equal(xrl_sliding_previous(&limit, word + 2), 6);
}

/* A word read 0 to 15 windows later: current, previous, expired, or written by a CPU that is ahead,
 * unless it would be too far ahead. */
static void state_by_age(void **state)
{
	static const __u64 periods_ns[] = {100 * MS_NS, 250 * MS_NS, 1234567890, HOUR_NS};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct xrl_limit limit = limit_like(XRL_SLIDING, 9, 0, periods_ns[i], XRL_BYTES);
		__u64 window = 100000 + i, begin_ns = window * periods_ns[i];
		xrl_packed word = xrl_sliding_charge(&limit, 0, begin_ns, 7);

		for (__u64 age = 0; age < 16; age++) {
			__u64 now_ns = begin_ns + age * periods_ns[i];
			xrl_packed model_rotated = xrl_sliding_rotate(&limit, word, window + age);
			__u64 ahead_ns = (16 - age) * periods_ns[i];
			int is_ahead = age >= 12;

			assert_int_equal(xrl_sliding_age(word, window + age), age);
			assert_int_equal(xrl_sliding_is_expired(&limit, word, now_ns),
			                 age >= 2 && !is_ahead);
			assert_int_equal(xrl_sliding_is_stale_write(&limit, word, now_ns),
			                 is_ahead && ahead_ns > XRL_MAX_AHEAD_NS);
			assert_int_equal(xrl_sliding_current(&limit, model_rotated),
			                 !age || is_ahead ? 7 : 0);
			assert_int_equal(xrl_sliding_previous(&limit, model_rotated),
			                 age == 1 ? 7 : 0);
			assert_int_equal(model_rotated >> 60, (window + (is_ahead ? 0 : age)) & 15);
		}
	}
}

/* A window that begins up to 2^30 ns from now is from a CPU that is ahead. */
static void too_far_ahead_is_a_stale_write(void **state)
{
	struct xrl_limit limit = limit_like(XRL_SLIDING, 9, 0, 2 * SECOND_NS, XRL_BYTES);
	xrl_packed word = xrl_sliding_charge(&limit, 0, DAY_NS, 7);

	(void)state;
	assert_false(xrl_sliding_is_stale_write(&limit, word, DAY_NS - XRL_MAX_AHEAD_NS));
	assert_true(xrl_sliding_is_stale_write(&limit, word, DAY_NS - XRL_MAX_AHEAD_NS - 1));
}

/* Neither count exceeds N, or N rounded up. */
static void count_above_the_limit_is_a_stale_write(void **state)
{
	static const __u64 most[] = {9, LIMIT_MAX_UNITS, 5000000000ULL, LIMIT_MAX_BYTES};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct xrl_limit limit = limit_like(XRL_SLIDING, most[i], 0, SECOND_NS, XRL_BYTES);
		__u64 window = DAY_NS / SECOND_NS;
		xrl_packed full = xrl_sliding_charge(&limit, 0, DAY_NS, most[i]), both;

		both = xrl_sliding_rotate(&limit, full, window + 1);
		assert_true(xrl_sliding_previous(&limit, both) >= most[i]);
		both += most[i];
		assert_false(xrl_sliding_is_stale_write(&limit, full, DAY_NS));
		assert_true(xrl_sliding_is_stale_write(&limit, full + 1, DAY_NS));
		assert_false(xrl_sliding_is_stale_write(&limit, both, DAY_NS + SECOND_NS));
		both += 1ULL << limit.used_bits;
		assert_true(xrl_sliding_is_stale_write(&limit, both, DAY_NS + SECOND_NS));
	}
}

/* A refund reduces the current window only, never the previous one. */
static void refund_touches_the_current_window_only(void **state)
{
	struct xrl_limit limit = limit_like(XRL_SLIDING, 10, 0, SECOND_NS, XRL_BYTES);
	struct xrl_class class = class_with(limit);
	struct xrl_bucket bucket = {};
	xrl_packed charged, before;

	(void)state;
	set_clock(DAY_NS);
	assert_int_equal(charge_units(&bucket, &class, 4), XRL_PASS);
	before = xrl_window_read(&bucket.windows[0]);
	assert_int_equal(charge_units(&bucket, &class, 3), XRL_PASS);
	charged = xrl_window_read(&bucket.windows[0]);
	assert_true(xrl_refund(&bucket.windows[0], &limit, charged, 3));
	assert_int_equal(xrl_window_read(&bucket.windows[0]), before);
	assert_true(xrl_refund(&bucket.windows[0], &limit, charged, 5)); /* more than is used */
	assert_int_equal(xrl_window_read(&bucket.windows[0]), before);
	set_clock(DAY_NS + SECOND_NS);
	assert_int_equal(charge_units(&bucket, &class, 5), XRL_PASS);
	before = xrl_window_read(&bucket.windows[0]);
	assert_true(
		xrl_refund(&bucket.windows[0], &limit, charged, 3)); /* its window has expired */
	assert_int_equal(xrl_window_read(&bucket.windows[0]), before);
	assert_int_equal(xrl_limit_refund(&limit, 0, charged, 3), 0);
}

/* After a full refund, the bucket is like a new one. */
static void full_refund_leaves_nothing(void **state)
{
	struct xrl_limit limit = limit_like(XRL_SLIDING, 10, 0, SECOND_NS, XRL_BYTES);
	struct xrl_class class = class_with(limit);

	(void)state;
	for (__u64 window = 0; window < 40; window++) {
		struct xrl_bucket bucket = {};

		set_clock(DAY_NS + window * SECOND_NS);
		assert_int_equal(charge_units(&bucket, &class, 10), XRL_PASS);
		xrl_refund(&bucket.windows[0], &limit, xrl_window_read(&bucket.windows[0]), 10);
		assert_int_equal(charge_units(&bucket, &class, 10), XRL_PASS);
		assert_int_equal(charge_units(&bucket, &class, 1), XRL_OVER_LIMIT);
	}
}

/* Two CPUs with differing clocks share one word. Each swap obeys the formula for the word that it
 * replaced, and every unit that passed is in the count of some window. */
#define THREADS        2
#define SHARED_WINDOWS 12

struct shared {
	struct xrl_window word;
	struct xrl_limit limit;
	__u64 begin_ns, admitted[16], highest[16]; /* by window, modulo 16 */
	int failures;
	pthread_barrier_t barrier;
	__u64 shared_ns;
};

static void check_swap(struct shared *shared, xrl_packed from, xrl_packed to, __u64 now_ns)
{
	const struct xrl_limit *limit = &shared->limit;
	struct model model = {now_ns / limit->period_ns - 4, 0, 0};
	__u64 window = to >> 60, count = to & ((1ULL << 30) - 1), seen;

	/* an independent reading of the word: 30 bits, 30 bits, and 4 */
	while (from && (model.window & 15) != from >> 60)
		model.window++;
	model.current = from & ((1ULL << 30) - 1);
	model.previous = from >> 30 & ((1ULL << 30) - 1);
	model = model_rotated(model, now_ns, limit->period_ns);
	if (model_used(&model, now_ns, limit->period_ns) + limit->period_ns >
	            (wide)limit->max_units * limit->period_ns ||
	    count != model.current + 1 || (to >> 30 & ((1ULL << 30) - 1)) != model.previous)
		__sync_fetch_and_add(&shared->failures, 1);
	__sync_fetch_and_add(&shared->admitted[window], 1);
	seen = shared->highest[window];
	while (seen < count && !__sync_bool_compare_and_swap(&shared->highest[window], seen, count))
		seen = shared->highest[window];
}

static void *push(void *argument)
{
	struct shared *shared = argument;
	__u64 end_ns = shared->begin_ns + SHARED_WINDOWS * shared->limit.period_ns, random = 1;

	pthread_barrier_wait(&shared->barrier);
	for (;;) {
		xrl_packed word = xrl_window_read(&shared->word), next; /* before the clock */
		__u64 now_ns = __sync_add_and_fetch(&shared->shared_ns, 500);

		if (now_ns >= end_ns)
			return NULL;
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		now_ns -= (random >> 40) % 20000;
		next = xrl_limit_charge(&shared->limit, word, now_ns, 1);
		if (next && xrl_window_swap(&shared->word, word, next))
			check_swap(shared, word, next, now_ns);
	}
}

static void two_cpus_share_one_state(void **state)
{
	__u64 period_ns = 100 * MS_NS;
	struct shared shared = {
		.limit = limit_like(XRL_SLIDING, 40000, 0, period_ns, XRL_PACKETS),
		.begin_ns = 1000 * period_ns,
		.shared_ns = 1000 * period_ns + 20000,
	};
	__u64 total = 0;

	(void)state;
	pthread_barrier_init(&shared.barrier, NULL, THREADS);
	run_threads(THREADS, push, &shared, 0);
	pthread_barrier_destroy(&shared.barrier);
	assert_int_equal(shared.failures, 0);
	for (int i = 0; i < 16; i++) {
		assert_int_equal(shared.admitted[i], shared.highest[i]);
		assert_true(shared.admitted[i] <= 40000);
		total += shared.admitted[i];
	}
	assert_true(total > SHARED_WINDOWS * 40000 * 9 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_match_the_model),
		cmocka_unit_test(small_limits_match_the_model),
		cmocka_unit_test(bytes_match_the_model),
		cmocka_unit_test(previous_window_fades),
		cmocka_unit_test(idle_for_whole_windows),
		cmocka_unit_test(clock_behind_charges_the_current_window),
		cmocka_unit_test(state_by_age),
		cmocka_unit_test(too_far_ahead_is_a_stale_write),
		cmocka_unit_test(count_above_the_limit_is_a_stale_write),
		cmocka_unit_test(refund_touches_the_current_window_only),
		cmocka_unit_test(full_refund_leaves_nothing),
		cmocka_unit_test(two_cpus_share_one_state),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
