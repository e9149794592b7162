// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/policy/limit_usage.h against the program's own arithmetic: a unit passes at the announced
 * moment and not a nanosecond earlier, for a source that never stops trying. (A window that was not
 * refreshed for a period expires at once instead of at the end of its last tick.) */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#include <cmocka.h>

#include "user/policy/limit.h"
#include "user/policy/limit_usage.h"
#include "tests/unit/random.h"

static __u64 clock_ns;

static inline __u64 xrl_boot_ns(void)
{
	return clock_ns;
}

#include "bpf/limit/algorithm.h"
#include "tests/units.h"

#define TRIES 20000

static const __u64 periods_ns[] = {
	100 * MS_NS,      SECOND_NS, 1234567891ULL, 60 * SECOND_NS,
	3600 * SECOND_NS, DAY_NS,    31 * DAY_NS,
};

#define PERIODS (sizeof(periods_ns) / sizeof(periods_ns[0]))

static const __u64 most_units[] = {1, 2, 10, 1000, 1000000000};

#define MOST (sizeof(most_units) / sizeof(most_units[0]))

static struct xrl_limit random_limit(enum xrl_algorithm algorithm)
{
	__u64 max_units = 1 + random_below(most_units[random_below(MOST)]);
	struct xrl_limit limit;

	limit_set(&limit, max_units, periods_ns[random_below(PERIODS)], XRL_PACKETS);
	limit.algorithm = algorithm;
	if (algorithm == XRL_TOKEN && random_below(2) && limit.period_ns < DAY_NS)
		limit.max_units = 1 + random_below(2 * max_units);
	limit_derive(&limit);
	return limit;
}

/* A bucket after some packets. */
struct state {
	struct xrl_limit limit;
	__u64 word;
	__u32 checked_ticks;
	__u64 now_ns;
};

static __u64 open_word(const struct state *state, __u64 now_ns)
{
	__u32 checked_ticks = state->checked_ticks;
	__u64 idle_ns;

	clock_ns = now_ns;
	idle_ns = xrl_checked_before_ns(&checked_ticks, &now_ns);
	return xrl_limit_is_expired(&state->limit, state->word, idle_ns, now_ns) ? 0 : state->word;
}

static void use(struct state *state, __u64 units)
{
	__u64 next = xrl_limit_charge(&state->limit, open_word(state, state->now_ns), state->now_ns,
	                              units);

	if (next)
		state->word = next;
	state->checked_ticks = xrl_checked_now(state->now_ns);
}

static struct state random_state_of(enum xrl_algorithm algorithm)
{
	struct state state = {.limit = random_limit(algorithm),
	                      .now_ns = 100 * DAY_NS + random_below(4 * 365 * DAY_NS)};
	__u64 most = state.limit.max_units;

	for (__u64 steps = random_below(8); steps; steps--) {
		__u64 units = random_below(3) ? 1 + random_below(most) : most;

		use(&state, units);
		if (random_below(2)) /* mostly full */
			use(&state,
			    most - xrl_limit_used(&state.limit, open_word(&state, state.now_ns),
			                          state.now_ns));
		state.now_ns += random_below(random_below(4) ? state.limit.period_ns
		                                             : 2 * state.limit.period_ns);
	}
	return state;
}

static bool passes_at(const struct state *state, __u64 now_ns)
{
	return xrl_limit_charge(&state->limit, open_word(state, now_ns), now_ns, 1) != 0;
}

/* A bucket that was just refreshed. */
static struct state looked_at(const struct state *state, __u64 now_ns)
{
	struct state looked = *state;

	looked.checked_ticks = xrl_checked_now(now_ns);
	return looked;
}

static bool passes_still_trying_at(const struct state *state, __u64 now_ns)
{
	struct state looked = looked_at(state, now_ns);

	return passes_at(&looked, now_ns);
}

static struct limit_usage rest_at(const struct state *state, __u64 now_ns)
{
	return limit_usage_of(&state->limit, state->word, state->checked_ticks, now_ns);
}

static void a_unit_passes_then_and_not_before(void **unused)
{
	(void)unused;
	for (int i = 0; i < XRL_ALGORITHMS * TRIES; i++) {
		struct state state = random_state_of(i % XRL_ALGORITHMS);
		struct limit_usage usage = rest_at(&state, state.now_ns);

		assert_int_equal(passes_at(&state, state.now_ns), !usage.retry_ns);
		assert_int_equal(!usage.remaining, !!usage.retry_ns);
		assert_true(passes_at(&state, state.now_ns + usage.retry_ns));
		if (usage.retry_ns)
			assert_false(
				passes_still_trying_at(&state, state.now_ns + usage.retry_ns - 1));
	}
}

static void what_remains_passes_and_no_more(void **unused)
{
	(void)unused;
	for (int i = 0; i < XRL_ALGORITHMS * TRIES; i++) {
		struct state state = random_state_of(i % XRL_ALGORITHMS);
		struct limit_usage usage = rest_at(&state, state.now_ns);
		__u64 word = open_word(&state, state.now_ns);

		assert_int_equal(usage.used + usage.remaining, state.limit.max_units);
		assert_false(
			xrl_limit_charge(&state.limit, word, state.now_ns, usage.remaining + 1));
		if (usage.remaining)
			assert_true(xrl_limit_charge(&state.limit, word, state.now_ns,
			                             usage.remaining) != 0);
	}
}

static void nothing_is_used_after_the_reset_and_something_before(void **unused)
{
	(void)unused;
	for (int i = 0; i < XRL_ALGORITHMS * TRIES; i++) {
		struct state state = random_state_of(i % XRL_ALGORITHMS);
		struct limit_usage usage = rest_at(&state, state.now_ns);

		assert_int_equal(!usage.used, !usage.reset_ns);
		assert_int_equal(rest_at(&state, state.now_ns + usage.reset_ns).used, 0);
		if (!usage.reset_ns)
			continue;
		state = looked_at(&state, state.now_ns + usage.reset_ns - 1);
		assert_true(rest_at(&state, state.now_ns + usage.reset_ns - 1).used > 0);
	}
}

/* The state written by a CPU whose clock is up to half a second ahead. */
static void a_clock_that_is_behind_tells_of_the_same_moment(void **unused)
{
	(void)unused;
	for (int i = 0; i < XRL_ALGORITHMS * TRIES; i++) {
		struct state state = random_state_of(i % XRL_ALGORITHMS);
		__u64 most_ns = state.limit.period_ns < SECOND_NS ? state.limit.period_ns / 2
		                                                  : SECOND_NS / 2;
		__u64 behind_ns = random_below(most_ns);
		struct limit_usage usage;

		use(&state, state.limit.max_units);
		usage = rest_at(&state, state.now_ns - behind_ns);
		assert_true(passes_at(&state, state.now_ns - behind_ns + usage.retry_ns));
		if (usage.retry_ns)
			assert_false(passes_still_trying_at(&state, state.now_ns - behind_ns +
			                                                    usage.retry_ns - 1));
	}
}

static void the_end_of_a_penalty(void **unused)
{
	(void)unused;
	for (int i = 0; i < TRIES; i++) {
		__u64 now_ns = 100 * DAY_NS + random_below(4 * 365 * DAY_NS), word, rest_ns,
		      began_ns;
		struct xrl_limit penalty;

		limit_set_penalty(&penalty, periods_ns[random_below(PERIODS)]);
		began_ns = now_ns - random_below(penalty.period_ns);
		word = xrl_window_ticks(&penalty, began_ns) << XRL_CLASSIFICATION_BITS | 12345;
		if (!(word >> XRL_CLASSIFICATION_BITS))
			continue;
		rest_ns = limit_usage_penalty_ns(&penalty, word, xrl_checked_now(began_ns), now_ns);
		assert_true(rest_ns > 0);
		assert_true(xrl_window_is_expired(&penalty, word, now_ns + rest_ns));
		assert_false(xrl_window_is_expired(&penalty, word, now_ns + rest_ns - 1));
		assert_int_equal(
			limit_usage_penalty_ns(&penalty, 12345, xrl_checked_now(began_ns), now_ns),
			0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_passes_then_and_not_before),
		cmocka_unit_test(what_remains_passes_and_no_more),
		cmocka_unit_test(nothing_is_used_after_the_reset_and_something_before),
		cmocka_unit_test(a_clock_that_is_behind_tells_of_the_same_moment),
		cmocka_unit_test(the_end_of_a_penalty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
