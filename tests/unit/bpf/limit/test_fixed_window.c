// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* bpf/limit/fixed_window.h: one window, at any time of the clock. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "user/policy/limit.h"
#include "tests/unit/random.h"
#include "bpf/limit/fixed_window.h"
#include "tests/units.h"

/* The most that fits into 40 bits, and the largest limit, which takes 50. */
static const __u64 most_units[] = {(1ULL << 40) - 4, LIMIT_MAX_BYTES};

static const __u64 periods_ns[] = {
	100 * MS_NS,      SECOND_NS, 1234567891ULL, 60 * SECOND_NS,
	3600 * SECOND_NS, DAY_NS,    31 * DAY_NS,
};

#define PERIODS (sizeof(periods_ns) / sizeof(periods_ns[0]))
#define TRIES   20000

static struct xrl_limit limit_of(__u64 max_units, __u64 period_ns)
{
	struct xrl_limit limit;

	limit_set(&limit, max_units, period_ns, XRL_BYTES);
	return limit;
}

/* Each period in turn, with few units, and with so many that ticks are coarse. */
static struct xrl_limit limit_number(int i)
{
	return limit_of(i / PERIODS % 2 ? LIMIT_MAX_BYTES : 10, periods_ns[i % PERIODS]);
}

static __u64 tick_ns(const struct xrl_limit *limit)
{
	return 1ULL << limit->tick_shift;
}

/* Anywhere in the first 50 years after booting. */
static __u64 random_time(void)
{
	return random_below(50 * 365 * DAY_NS);
}

static void window_packs_into_one_word(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct xrl_limit limit = limit_of(most_units[i], SECOND_NS);
		xrl_packed word = xrl_window_open(&limit, 12345 * SECOND_NS, most_units[i]);

		assert_int_equal(limit.used_bits, i ? 50 : 40);
		assert_int_equal(xrl_window_used(&limit, word), most_units[i]);
		assert_int_equal(xrl_window_used(&limit, xrl_window_refund(&limit, word, 1)),
		                 most_units[i] - 1);
		assert_true(xrl_window_is_same(&limit, word, word - most_units[i]));
		assert_false(xrl_window_is_same(&limit, word, word + (1ULL << limit.used_bits)));
		assert_int_equal(xrl_window_refund(&limit, word, most_units[i]), 0);
		assert_int_equal(xrl_window_open(&limit, 0, 1) >> limit.used_bits, 0);
	}
}

/* bpftool shows the packed word as these fields. */
static void bit_fields_match_the_map(void **state)
{
	struct xrl_limit limit = limit_of(1000, SECOND_NS);
	xrl_packed word = xrl_window_open(&limit, 3 * SECOND_NS, 7);
	struct xrl_window window = {};

	(void)state;
	assert_true(xrl_window_swap(&window, 0, word));
	assert_int_equal(window.used_units, 7);
	assert_int_equal(window.opened_ticks,
	                 xrl_window_ticks(&limit, 3 * SECOND_NS) & xrl_window_tick_mask(&limit));
}

static void open_window_is_never_zero(void **state)
{
	struct xrl_limit limit = limit_of(1, SECOND_NS);
	__u64 wrap_ns = (xrl_window_tick_mask(&limit) + 1ULL) << limit.tick_shift;

	(void)state;
	assert_true(xrl_window_open(&limit, 0, 1));
	assert_true(xrl_window_open(&limit, wrap_ns, 1));
}

/* bpf/bucket/scoped.h gives the three highest words another meaning. */
static void three_highest_words_are_reserved(void **state)
{
	(void)state;
	for (__u64 units = (1ULL << 40) - 9; units < (1ULL << 40) + 9; units++) {
		struct xrl_limit limit = limit_of(units, SECOND_NS);
		__u64 last_ns = (__u64)xrl_window_tick_mask(&limit) << limit.tick_shift;

		assert_true(xrl_window_open(&limit, last_ns, units) < ~0ULL - 2);
		assert_int_equal(xrl_window_open(&limit, last_ns, units) >> limit.used_bits,
		                 xrl_window_tick_mask(&limit));
	}
}

static void room_is_exact_to_the_unit(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct xrl_limit limit = limit_of(most_units[i], SECOND_NS);
		xrl_packed word = xrl_window_open(&limit, SECOND_NS, most_units[i] - 10);

		assert_int_equal(xrl_window_charge(&limit, word, 0, 10), word + 10);
		assert_int_equal(xrl_window_charge(&limit, word, 0, 11), 0);
		word += 10;
		assert_int_equal(xrl_window_charge(&limit, word, 0, 1), 0);
		assert_int_equal(xrl_window_charge(&limit, word, 0, 0), word);
		assert_int_equal(xrl_window_charge(&limit, 0, SECOND_NS, most_units[i] + 1), 0);
		assert_int_equal(xrl_window_charge(&limit, 0, SECOND_NS, most_units[i]), word);
	}
}

static void swap_fails_on_a_changed_word(void **state)
{
	struct xrl_limit limit = limit_of(1000, SECOND_NS);
	xrl_packed word = xrl_window_open(&limit, SECOND_NS, 1), more = word + 1;
	struct xrl_window window = {};

	(void)state;
	assert_false(xrl_window_swap(&window, word, more));
	assert_true(xrl_window_swap(&window, 0, word));
	assert_false(xrl_window_swap(&window, 0, more));
	assert_int_equal(xrl_window_read(&window), word);
}

/* A window stays open for at least a period, to the nanosecond, and has expired two ticks later. */
static void window_expires_within_two_ticks(void **state)
{
	(void)state;
	for (int i = 0; i < TRIES; i++) {
		struct xrl_limit limit = limit_number(i);
		__u64 opened_ns = random_time();
		xrl_packed word = xrl_window_open(&limit, opened_ns, 1);
		__u64 early_ns = opened_ns + random_below(limit.period_ns);
		__u64 late_ns = opened_ns + limit.period_ns + 2 * tick_ns(&limit);

		assert_false(xrl_window_is_expired(&limit, word, opened_ns));
		assert_false(xrl_window_is_expired(&limit, word, early_ns));
		assert_false(xrl_window_is_expired(&limit, word, opened_ns + limit.period_ns - 1));
		assert_true(xrl_window_is_expired(&limit, word, late_ns));
		late_ns += random_below(limit.period_ns);
		assert_true(xrl_window_is_expired(&limit, word, late_ns));
	}
}

/* The clock of the CPU that reads may be behind that of the CPU that opened the window. */
static void clock_behind_expires_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < TRIES; i++) {
		struct xrl_limit limit = limit_number(i);
		__u64 opened_ns = limit.period_ns + random_time();
		xrl_packed word = xrl_window_open(&limit, opened_ns, 1);
		__u64 behind_ns = random_below(limit.period_ns - tick_ns(&limit));

		assert_false(xrl_window_is_expired(&limit, word, opened_ns - behind_ns));
	}
}

/* A window stays open for the remaining time reported, which is exact to two ticks. */
static void remaining_time_is_exact_to_two_ticks(void **state)
{
	(void)state;
	for (int i = 0; i < TRIES; i++) {
		struct xrl_limit limit = limit_number(i);
		__u64 opened_ns = random_time(), rest_ns;
		xrl_packed word = xrl_window_open(&limit, opened_ns, 1);
		__u64 now_ns = opened_ns + random_below(limit.period_ns);

		rest_ns = xrl_window_remaining_ns(&limit, word, now_ns);
		assert_false(xrl_window_is_expired(&limit, word, now_ns + rest_ns));
		assert_true(xrl_window_is_expired(&limit, word,
		                                  now_ns + rest_ns + 2 * tick_ns(&limit)));
		assert_true(rest_ns <= limit.period_ns + tick_ns(&limit));
	}
}

/* Ticks wrap every four periods. */
static void tick_wraparound_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * PERIODS; i++) {
		struct xrl_limit limit = limit_number(i);
		__u64 wrap_ns = (xrl_window_tick_mask(&limit) + 1ULL) << limit.tick_shift;

		for (__u64 opened_ns = wrap_ns - 3; opened_ns < wrap_ns + 3; opened_ns++) {
			xrl_packed word = xrl_window_open(&limit, opened_ns, 1);

			assert_false(xrl_window_is_expired(&limit, word, opened_ns));
			assert_false(xrl_window_is_expired(&limit, word,
			                                   opened_ns + limit.period_ns - 1));
			assert_true(xrl_window_is_expired(
				&limit, word, opened_ns + limit.period_ns + 2 * tick_ns(&limit)));
		}
	}
}

/* A window is open for one period, expired for two, and then looks like one opened in the future.
 */
static void ticks_wrap_after_four_periods(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * PERIODS; i++) {
		struct xrl_limit limit = limit_number(i);
		__u64 wrap_ns = (xrl_window_tick_mask(&limit) + 1ULL) << limit.tick_shift;
		xrl_packed word = xrl_window_open(&limit, wrap_ns, 1);

		assert_true(wrap_ns >= 4 * limit.period_ns);
		for (__u64 at = 0; at < wrap_ns; at += wrap_ns / 997 + 1) {
			__u64 expired_ns = limit.period_ns + tick_ns(&limit);
			int is_expired = xrl_window_is_expired(&limit, word, wrap_ns + at);

			if (at < limit.period_ns)
				assert_false(is_expired);
			else if (at >= expired_ns && at < wrap_ns / 4 * 3)
				assert_true(is_expired);
			else if (at >= wrap_ns / 4 * 3 + tick_ns(&limit))
				assert_false(is_expired);
		}
	}
}

/* A word written for another limit: more used than the limit holds, or opened later than any clock
 * can say. */
static void stale_write_counts_as_expired(void **state)
{
	(void)state;
	for (int i = 0; i < TRIES; i++) {
		struct xrl_limit limit = limit_number(i);
		__u64 now_ns = limit.period_ns + random_time();
		__u64 ahead_ns = random_below(limit.period_ns - tick_ns(&limit));
		xrl_packed word = xrl_window_open(&limit, now_ns + ahead_ns, limit.max_units);

		if (ahead_ns <= XRL_MAX_AHEAD_NS)
			assert_false(xrl_window_must_close(&limit, word, 0, now_ns));
		else if (ahead_ns > XRL_MAX_AHEAD_NS + 3 * tick_ns(&limit))
			assert_true(xrl_window_must_close(&limit, word, 0, now_ns));
		/* rounding is largest in the last ns of a tick */
		if (limit.period_ns > XRL_MAX_AHEAD_NS + tick_ns(&limit)) {
			now_ns |= tick_ns(&limit) - 1;
			word = xrl_window_open(&limit, now_ns + XRL_MAX_AHEAD_NS, 1);
			assert_false(xrl_window_must_close(&limit, word, 0, now_ns));
		}
		word = xrl_window_open(&limit, now_ns, limit.max_units);
		assert_false(xrl_window_must_close(&limit, word, 0, now_ns));
		assert_true(xrl_window_must_close(&limit, word + 1, 0, now_ns));
		assert_false(xrl_window_must_close(&limit, word, limit.period_ns - 1, now_ns));
		assert_true(xrl_window_must_close(&limit, word, limit.period_ns, now_ns));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_packs_into_one_word),
		cmocka_unit_test(bit_fields_match_the_map),
		cmocka_unit_test(open_window_is_never_zero),
		cmocka_unit_test(three_highest_words_are_reserved),
		cmocka_unit_test(room_is_exact_to_the_unit),
		cmocka_unit_test(swap_fails_on_a_changed_word),
		cmocka_unit_test(window_expires_within_two_ticks),
		cmocka_unit_test(clock_behind_expires_nothing),
		cmocka_unit_test(remaining_time_is_exact_to_two_ticks),
		cmocka_unit_test(tick_wraparound_changes_nothing),
		cmocka_unit_test(ticks_wrap_after_four_periods),
		cmocka_unit_test(stale_write_counts_as_expired),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
