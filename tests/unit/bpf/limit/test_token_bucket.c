// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* bpf/limit/token_bucket.h against two exact models of the Generic Cell Rate Algorithm, which keep
 * the theoretical arrival time in fractions of a ns, without wraparound:
 *
 *   - the exact model: a unit takes period / N. A packet that it rejects never passes, so that in
 * any time t at most burst + t * N / period pass;
 *   - the rounded model: a unit takes that time rounded up to the next 2^-token_shift ns. A packet
 *     that it passes does pass. */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/bpf/limit/sequence.h"
#include "tests/unit/bpf/limit/threads.h"

struct model {
	wide paid; /* the theoretical arrival time, in parts of a ns */
	wide parts, cost;
};

/* A ns has N parts; a unit takes `period` parts. */
static struct model exact_model(const struct xrl_limit *limit)
{
	return (struct model){.parts = limit->rate_units, .cost = limit->period_ns};
}

static struct model rounded_model(const struct xrl_limit *limit)
{
	wide parts = (wide)1 << limit->token_shift;

	return (struct model){.parts = parts,
	                      .cost = parts * limit->period_ns / limit->rate_units + 1};
}

static wide model_ahead(const struct model *model, __u64 now_ns)
{
	wide now = now_ns * model->parts;

	return model->paid > now ? model->paid - now : 0;
}

static int model_allows(const struct model *model, const struct xrl_limit *limit, __u64 now_ns,
                        __u64 units, __u64 spare_ns)
{
	return model_ahead(model, now_ns) + units * model->cost <=
	       limit->max_units * model->cost + spare_ns * model->parts;
}

static void model_admits(struct model *model, __u64 now_ns, __u64 units)
{
	model->paid = now_ns * model->parts + model_ahead(model, now_ns) + units * model->cost;
}

struct models {
	struct model exact, rounded;
	__u64 behind_ns;
};

/* A CPU that is ahead may see a moment as past that a CPU behind sees as present, and vice versa;
 * each may add the difference of their clocks. */
static int step(struct xrl_bucket *bucket, const struct xrl_class *class, struct models *models,
                __u64 now_ns, __u64 units)
{
	const struct xrl_limit *limit = &class->limits[0];
	int passed = charge_units(bucket, class, units) == XRL_PASS;

	if (passed)
		assert_true(
			model_allows(&models->exact, limit, now_ns, units, 2 * models->behind_ns));
	else if (units <= limit->max_units) /* and 4 parts: see xrl_token_charge */
		assert_false(model_allows(&models->rounded, limit, fake_boot_ns, units, 0) &&
		             model_ahead(&models->rounded, fake_boot_ns) +
		                             units * models->rounded.cost + 4 <=
		                     limit->max_units * models->rounded.cost);
	if (passed) {
		model_admits(&models->exact, now_ns, units);
		model_admits(&models->rounded, fake_boot_ns, units);
	}
	return passed;
}

/* A burst that refills within 31 days. */
static struct xrl_limit random_limit(enum xrl_unit unit, __u64 most_units)
{
	__u64 period_ns = random_period(), rate = random_scale(1, most_units), burst;
	wide most = (wide)LIMIT_MAX_PERIOD_NS * rate / period_ns;

	if (most > (wide)most_units)
		most = most_units;
	if (random_below(2) && rate < most)
		most = rate;
	burst = random_scale(1, most);
	return limit_like(XRL_TOKEN, rate, burst, period_ns, unit);
}

static struct models models;

static void begin(struct sequence *sequence, int round, enum xrl_unit unit, __u64 most_units)
{
	struct xrl_limit limit = random_limit(unit, most_units);
	__u64 full_ns = (wide)limit.max_units * limit.period_ns / limit.rate_units + 1;

	sequence->class = class_with(limit);
	sequence->now_ns = SECOND_NS + random_below(YEAR_NS);
	sequence->behind_ns = round % 3 ? 0 : random_below(SECOND_NS);
	sequence->pause_ns = full_ns < 100 ? 100 : full_ns;
	models = (struct models){exact_model(&limit), rounded_model(&limit), sequence->behind_ns};
}

static int random_step(struct sequence *sequence)
{
	const struct xrl_limit *limit = &sequence->class.limits[0];
	xrl_packed word = xrl_window_read(&sequence->bucket.windows[0]);
	__u64 used = xrl_limit_used(limit, word, sequence->now_ns);

	return step(&sequence->bucket, &sequence->class, &models, sequence->now_ns,
	            random_units(limit, used));
}

static void connections_match_the_models(void **state)
{
	(void)state;
	assert_both_results(run_sequences(begin, random_step, XRL_CONNECTIONS, LIMIT_MAX_UNITS));
}

static void small_limits_match_the_models(void **state)
{
	(void)state;
	assert_both_results(run_sequences(begin, random_step, XRL_CONNECTIONS, 50));
}

static void bytes_match_the_models(void **state)
{
	(void)state;
	assert_both_results(run_sequences(begin, random_step, XRL_BYTES, LIMIT_MAX_BYTES));
}

/* The time in the word wraps after 16 s or more; zero and the three highest words are reserved. */
static void wraparound_changes_nothing(void **state)
{
	struct xrl_limit limit = limit_like(XRL_TOKEN, 1000, 10, SECOND_NS, XRL_PACKETS);
	const __u64 wrap_ns = 1ULL << (64 - limit.token_shift);

	(void)state;
	assert_int_equal(limit.token_shift, 30);
	for (__u64 at_ns = wrap_ns - 20 * MS_NS; at_ns < wrap_ns + 20 * MS_NS; at_ns += 99999) {
		struct xrl_class class = class_with(limit);
		struct xrl_bucket bucket = {};

		set_clock(at_ns);
		assert_int_equal(flood(&bucket, &class, 20), 10);
		set_clock(at_ns + 5 * MS_NS);
		assert_int_equal(flood(&bucket, &class, 20), 5);
		set_clock(at_ns + wrap_ns / 2 - 1);
		assert_int_equal(flood(&bucket, &class, 20), 10);
		set_clock(at_ns + wrap_ns + wrap_ns / 2);
		assert_int_equal(flood(&bucket, &class, 20), 10);
	}
}

static void reserved_states_are_never_produced(void **state)
{
	struct xrl_limit limit = limit_like(XRL_TOKEN, 1, 100, SECOND_NS, XRL_PACKETS);
	__u64 parts = 1ULL << limit.token_shift;

	(void)state;
	for (int i = -5; i < 5; i++) {
		/* one unit later the word would be i */
		__u64 ahead = i - limit.token_cost, now_ns = ahead / parts;
		xrl_packed next = xrl_token_charge(&limit, ahead, now_ns, 1);

		assert_true(next != 0 && next < ~0ULL - 2);
		assert_true(next - (__u64)i <= 4);
		assert_int_equal(next == (__u64)i, i < -3 || i > 0);
	}
}

/* After any pause long enough to refill, including multiples of half a wraparound. */
static void idle_source_is_like_a_new_one(void **state)
{
	static const __u64 periods_ns[] = {100 * MS_NS, SECOND_NS, HOUR_NS, 31 * DAY_NS};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct xrl_limit limit = limit_like(XRL_TOKEN, 5, 5, periods_ns[i], XRL_PACKETS);
		struct xrl_class class = class_with(limit);
		__u64 half_ns = 1ULL << (63 - limit.token_shift);

		for (__u64 pause_ns = periods_ns[i] + 5; pause_ns < 4 * YEAR_NS;
		     pause_ns += pause_ns / 9) {
			struct xrl_bucket bucket = {};

			set_clock(DAY_NS);
			assert_int_equal(flood(&bucket, &class, 9), 5);
			set_clock(fake_boot_ns + pause_ns);
			assert_int_equal(flood(&bucket, &class, 9), 5);
			pause_ns = pause_ns / half_ns * half_ns + periods_ns[i] + 5;
			set_clock(fake_boot_ns + pause_ns);
			assert_int_equal(flood(&bucket, &class, 9), 5);
			pause_ns += half_ns;
		}
	}
}

/* A refund restores the state without the packet: all of its cost, or the part not yet refilled. */
static void refund_restores_what_is_unpaid(void **state)
{
	static const struct {
		__u64 later_ms, others,
			room; /* packets of other CPUs; packets that pass afterwards */
	} table[] = {
		{0, 0, 10}, {0, 4, 6},  {25, 0, 10},  {25, 4, 6},
		{30, 4, 6}, {45, 4, 6}, {1000, 4, 6},
	};
	struct xrl_limit limit = limit_like(XRL_TOKEN, 100, 10, SECOND_NS, XRL_PACKETS);
	struct xrl_class class = class_with(limit);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct xrl_bucket bucket = {};
		xrl_packed charged;

		set_clock(DAY_NS);
		assert_int_equal(charge_units(&bucket, &class, 3), XRL_PASS);
		charged = xrl_window_read(&bucket.windows[0]);
		set_clock(DAY_NS + table[i].later_ms * MS_NS);
		assert_int_equal(flood(&bucket, &class, table[i].others), table[i].others);
		assert_true(xrl_refund(&bucket.windows[0], &limit, charged, 3));
		assert_int_equal(flood(&bucket, &class, 20), table[i].room);
	}
}

/* The bucket was closed meanwhile, for example by a new policy. */
static void refund_skips_a_closed_bucket(void **state)
{
	struct xrl_limit limit = limit_like(XRL_TOKEN, 100, 10, SECOND_NS, XRL_PACKETS);
	struct xrl_class class = class_with(limit);
	struct xrl_bucket bucket = {};
	xrl_packed charged;

	(void)state;
	set_clock(DAY_NS);
	assert_int_equal(charge_units(&bucket, &class, 3), XRL_PASS);
	charged = xrl_window_read(&bucket.windows[0]);
	assert_true(xrl_window_swap(&bucket.windows[0], charged, 0));
	assert_true(xrl_refund(&bucket.windows[0], &limit, charged, 3));
	assert_int_equal(xrl_window_read(&bucket.windows[0]), 0);
}

/* With random refunds, other packets never get more than without the refunded ones. */
static void refund_is_never_too_much(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct xrl_limit limit = random_limit(XRL_BYTES, 100000);
		struct xrl_class class = class_with(limit);
		__u64 full_ns = (limit.max_units * limit.token_cost >> limit.token_shift) + 1;
		struct xrl_bucket with = {}, without = {};
		__u64 units = 1 + random_below(limit.max_units), now_ns = DAY_NS;
		xrl_packed charged;

		set_clock(now_ns);
		for (int i = random_below(3); i; i--) {
			__u64 others = 1 + random_below(limit.max_units);

			charge_units(&without, &class, others);
			charge_units(&with, &class, others);
			set_clock(now_ns += random_below(full_ns));
		}
		if (charge_units(&with, &class, units) != XRL_PASS)
			continue;
		charged = xrl_window_read(&with.windows[0]);
		for (int i = random_below(3); i; i--) {
			__u64 others = 1 + random_below(limit.max_units);

			set_clock(now_ns += random_below(full_ns / 2 + 1));
			if (charge_units(&with, &class, others) == XRL_PASS)
				assert_int_equal(charge_units(&without, &class, others), XRL_PASS);
		}
		xrl_refund(&with.windows[0], &limit, charged, units);
		assert_true(xrl_limit_used(&limit, xrl_window_read(&with.windows[0]), now_ns) >=
		            xrl_limit_used(&limit, xrl_window_read(&without.windows[0]), now_ns));
	}
}

/* Two CPUs with differing clocks, and a time that advances while they push. */
#define THREADS 2

struct shared {
	struct xrl_bucket bucket;
	struct xrl_class class;
	pthread_barrier_t barrier;
	__u64 shared_ns, end_ns, passed;
};

static void *push(void *argument)
{
	struct shared *shared = argument;
	__u64 random = 1, passed = 0;

	pthread_barrier_wait(&shared->barrier);
	for (;;) {
		__u64 now_ns = __sync_add_and_fetch(&shared->shared_ns, 500);

		if (now_ns >= shared->end_ns)
			break;
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		set_clock_behind(now_ns, (random >> 40) % 20000);
		passed += passes(&shared->bucket, &shared->class);
	}
	__sync_fetch_and_add(&shared->passed, passed);
	return NULL;
}

static void two_cpus_share_one_bucket(void **state)
{
	struct shared shared = {
		.class = class_with(limit_like(XRL_TOKEN, 300000, 5000, SECOND_NS, XRL_PACKETS)),
		.shared_ns = DAY_NS,
		.end_ns = DAY_NS + SECOND_NS};

	(void)state;
	pthread_barrier_init(&shared.barrier, NULL, THREADS);
	run_threads(THREADS, push, &shared, 0);
	pthread_barrier_destroy(&shared.barrier);
	/* clocks differ by 20 us; twice that is worth 12 units */
	assert_true(shared.passed <= 5000 + 300000 + 12);
	assert_true(shared.passed > 290000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_match_the_models),
		cmocka_unit_test(small_limits_match_the_models),
		cmocka_unit_test(bytes_match_the_models),
		cmocka_unit_test(wraparound_changes_nothing),
		cmocka_unit_test(reserved_states_are_never_produced),
		cmocka_unit_test(idle_source_is_like_a_new_one),
		cmocka_unit_test(refund_restores_what_is_unpaid),
		cmocka_unit_test(refund_skips_a_closed_bucket),
		cmocka_unit_test(refund_is_never_too_much),
		cmocka_unit_test(two_cpus_share_one_bucket),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
