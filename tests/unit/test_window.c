// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* bpf/window.h: one window, whatever the clock says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "limit.h"
#include "random.h"
#include "../../bpf/window.h"

#define MILLISECOND 1000000ULL
#define SECOND      (1000 * MILLISECOND)
#define DAY         (86400 * SECOND)
#define MAX_UNITS   ((1ULL << XRL_USED_BITS) - 1)

static const __u64 periods_ns[] = {
	100 * MILLISECOND, SECOND, 1234567891ULL, 60 * SECOND, 3600 * SECOND, DAY, 31 * DAY,
};

#define PERIODS (sizeof(periods_ns) / sizeof(periods_ns[0]))
#define TRIES   20000

static struct xrl_limit limit_of(__u64 max_units, __u64 period_ns)
{
	struct xrl_limit limit;

	limit_set(&limit, max_units, period_ns, XRL_BYTES);
	return limit;
}

static __u64 tick_ns(const struct xrl_limit *limit)
{
	return 1ULL << limit->tick_shift;
}

/* Anywhere in the first 50 years after booting. */
static __u64 random_time(void)
{
	return random_below(50 * 365 * DAY);
}

static void a_window_is_a_word(void **state)
{
	struct xrl_limit limit = limit_of(MAX_UNITS, SECOND);
	xrl_word word = xrl_window_open(&limit, 12345 * SECOND, MAX_UNITS);

	(void)state;
	assert_int_equal(xrl_window_used(word), MAX_UNITS);
	assert_int_equal(xrl_window_used(xrl_window_add(word, -1)), MAX_UNITS - 1);
	assert_true(xrl_window_is_same(word, xrl_window_add(word, -(__s64)MAX_UNITS)));
	assert_int_equal(xrl_window_open(&limit, 0, 1) >> XRL_USED_BITS, 0);
}

static void an_open_window_is_never_nothing(void **state)
{
	struct xrl_limit limit = limit_of(1, SECOND);

	(void)state;
	assert_true(xrl_window_open(&limit, 0, 1));
	assert_true(xrl_window_open(&limit, (1ULL << XRL_TICK_BITS) << limit.tick_shift, 1));
}

static void room_is_to_the_unit(void **state)
{
	struct xrl_limit limit = limit_of(1000, SECOND);
	xrl_word word = xrl_window_open(&limit, SECOND, 990);

	(void)state;
	assert_true(xrl_window_has_room(&limit, word, 10));
	assert_false(xrl_window_has_room(&limit, word, 11));
	word = xrl_window_add(word, 10);
	assert_false(xrl_window_has_room(&limit, word, 1));
	assert_true(xrl_window_has_room(&limit, word, 0));
}

static void a_swap_needs_the_word_that_was_read(void **state)
{
	struct xrl_limit limit = limit_of(1000, SECOND);
	xrl_word word = xrl_window_open(&limit, SECOND, 1), more = xrl_window_add(word, 1);
	struct xrl_window window = {};

	(void)state;
	assert_false(xrl_window_swap(&window, word, more));
	assert_true(xrl_window_swap(&window, 0, word));
	assert_false(xrl_window_swap(&window, 0, more));
	assert_int_equal(xrl_window_read(&window), word);
}

/* Open for a period to the nanosecond at the least, and over two ticks later. */
static void a_window_ends_when_it_should(void **state)
{
	(void)state;
	for (int i = 0; i < TRIES; i++) {
		struct xrl_limit limit = limit_of(10, periods_ns[i % PERIODS]);
		__u64 opened_ns = random_time();
		xrl_word word = xrl_window_open(&limit, opened_ns, 1);
		__u64 early_ns = opened_ns + random_below(limit.period_ns);
		__u64 late_ns = opened_ns + limit.period_ns + 2 * tick_ns(&limit);

		assert_false(xrl_window_is_over(&limit, word, opened_ns));
		assert_false(xrl_window_is_over(&limit, word, early_ns));
		assert_false(xrl_window_is_over(&limit, word, opened_ns + limit.period_ns - 1));
		assert_true(xrl_window_is_over(&limit, word, late_ns));
		late_ns += random_below(limit.period_ns);
		assert_true(xrl_window_is_over(&limit, word, late_ns));
	}
}

/* The clock of the CPU that looks may be behind that of the one that opened. */
static void a_clock_that_is_behind_ends_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < TRIES; i++) {
		struct xrl_limit limit = limit_of(10, periods_ns[i % PERIODS]);
		__u64 opened_ns = limit.period_ns + random_time();
		xrl_word word = xrl_window_open(&limit, opened_ns, 1);
		__u64 behind_ns = random_below(limit.period_ns - tick_ns(&limit));

		assert_false(xrl_window_is_over(&limit, word, opened_ns - behind_ns));
	}
}

/* What is promised to remain does remain, and all of it but two ticks is promised. */
static void the_rest_is_promised_to_two_ticks(void **state)
{
	(void)state;
	for (int i = 0; i < TRIES; i++) {
		struct xrl_limit limit = limit_of(10, periods_ns[i % PERIODS]);
		__u64 opened_ns = random_time(), rest_ns;
		xrl_word word = xrl_window_open(&limit, opened_ns, 1);
		__u64 now_ns = opened_ns + random_below(limit.period_ns);

		rest_ns = xrl_window_remaining_ns(&limit, word, now_ns);
		assert_false(xrl_window_is_over(&limit, word, now_ns + rest_ns));
		assert_true(
			xrl_window_is_over(&limit, word, now_ns + rest_ns + 2 * tick_ns(&limit)));
		assert_true(rest_ns <= limit.period_ns + tick_ns(&limit));
	}
}

/* Ticks go round every four periods. */
static void ticks_that_go_round_change_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < PERIODS; i++) {
		struct xrl_limit limit = limit_of(10, periods_ns[i]);
		__u64 circle_ns = (1ULL << XRL_TICK_BITS) << limit.tick_shift;

		for (__u64 opened_ns = circle_ns - 3; opened_ns < circle_ns + 3; opened_ns++) {
			xrl_word word = xrl_window_open(&limit, opened_ns, 1);

			assert_false(xrl_window_is_over(&limit, word, opened_ns));
			assert_false(
				xrl_window_is_over(&limit, word, opened_ns + limit.period_ns - 1));
			assert_true(xrl_window_is_over(
				&limit, word, opened_ns + limit.period_ns + 2 * tick_ns(&limit)));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_is_a_word),
		cmocka_unit_test(an_open_window_is_never_nothing),
		cmocka_unit_test(room_is_to_the_unit),
		cmocka_unit_test(a_swap_needs_the_word_that_was_read),
		cmocka_unit_test(a_window_ends_when_it_should),
		cmocka_unit_test(a_clock_that_is_behind_ends_nothing),
		cmocka_unit_test(the_rest_is_promised_to_two_ticks),
		cmocka_unit_test(ticks_that_go_round_change_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
