// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* A delayed CPU may write a word computed for another limit. Whatever that word is, it locks no
 * source out for longer than the current limit could. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/bpf/limit/class_fixture.h"

#define TRIES  20000
#define PROBES 40

static struct xrl_limit random_limit(enum xrl_algorithm algorithm)
{
	__u64 period_ns = random_period(), rate = random_scale(1, LIMIT_MAX_BYTES), burst;
	wide most = (wide)LIMIT_MAX_PERIOD_NS * rate / period_ns;

	burst = random_scale(1, most < (wide)LIMIT_MAX_BYTES ? most : LIMIT_MAX_BYTES);
	return limit_like(algorithm, rate, burst, period_ns, XRL_BYTES);
}

/* Noise, a full window of any age, or the word of another limit for the same moment. */
static xrl_packed random_state_word(const struct xrl_limit *limit)
{
	struct xrl_limit other = random_limit(random_below(XRL_ALGORITHMS));
	__u64 few = random_below(3), now_ns = random_below(4 * YEAR_NS);

	switch (random_below(5)) {
	case 0:
		return random64();
	case 3: /* a token bucket about as far ahead as possible */
		return (fake_boot_ns << limit->token_shift) +
		       random_below(2 * (limit->max_units * limit->token_cost +
		                         (XRL_MAX_AHEAD_NS << limit->token_shift)));
	case 1:
		return random64() << limit->used_bits | (limit->max_units - few);
	case 2: /* a sliding window with both counts full */
		return random64() << XRL_SLIDING_COUNT_BITS |
		       (limit->max_units >> (2 * limit->used_bits - 60) & ~0ULL >> 34)
		               << limit->used_bits |
		       (limit->max_units - few);
	default:
		return xrl_limit_charge(&other, 0, random_below(2) ? fake_boot_ns : now_ns,
		                        1 + random_below(other.max_units));
	}
}

/* The time of a full bucket, plus the difference of clocks, plus rounding. */
static __u64 longest_ns(const struct xrl_limit *limit)
{
	__u64 lasts_ns = xrl_lasts_ns(limit);

	return lasts_ns + XRL_MAX_AHEAD_NS + (5ULL << limit->tick_shift);
}

/* Sends packets throughout, so that the bucket is never idle. */
static void assert_no_lockout(enum xrl_algorithm algorithm)
{
	for (int i = 0; i < TRIES; i++) {
		struct xrl_class class = class_with(random_limit(algorithm));
		const struct xrl_limit *limit = &class.limits[0];
		__u64 begin_ns = DAY_NS + random_below(3 * YEAR_NS), longest = longest_ns(limit);
		struct xrl_bucket bucket = {.checked_ticks = begin_ns >> XRL_CHECKED_SHIFT};
		int passed = 0;

		set_clock(begin_ns);
		assert_true(xrl_window_swap(&bucket.windows[0], 0, random_state_word(limit)));
		for (int probe = 0; probe <= PROBES && !passed; probe++) {
			set_clock(begin_ns + longest / PROBES * probe + probe);
			passed = charge_units(&bucket, &class, 1) == XRL_PASS;
		}
		assert_true(passed);
	}
}

static void fixed_windows_recover(void **state)
{
	(void)state;
	assert_no_lockout(XRL_FIXED);
}

static void sliding_windows_recover(void **state)
{
	(void)state;
	assert_no_lockout(XRL_SLIDING);
}

static void token_buckets_recover(void **state)
{
	(void)state;
	assert_no_lockout(XRL_TOKEN);
}

/* Any word yields a result even without a refresh. */
static void any_state_yields_a_result(void **state)
{
	(void)state;
	for (int i = 0; i < 300000; i++) {
		struct xrl_limit limit = random_limit(i % XRL_ALGORITHMS);
		struct xrl_window window = {};
		xrl_packed word, next;
		__u64 units = 1 + random_below(65535);

		set_clock(random_below(4 * YEAR_NS));
		word = random_state_word(&limit);
		limit.warn_units = random_scale(1, limit.max_units);
		next = xrl_limit_charge(&limit, word, fake_boot_ns, units);
		if (next)
			assert_true(units <= limit.max_units);
		xrl_is_near(&limit, word, fake_boot_ns);
		xrl_limit_is_expired(&limit, word, random_below(YEAR_NS), fake_boot_ns);
		assert_true(xrl_window_swap(&window, 0, word));
		assert_true(
			xrl_refund(&window, &limit, random_below(2) ? word : random64(), units));
		xrl_close_if_expired(&window, &limit, xrl_window_read(&window), 0, fake_boot_ns);
	}
}

/* A simple class detects a stale write at the next refresh, at most a second away. */
static void simple_class_refreshes_within_a_second(void **state)
{
	struct xrl_class class = one_limit(5, HOUR_NS, XRL_PACKETS);
	struct xrl_bucket bucket = {};
	xrl_packed word;

	(void)state;
	set_clock(DAY_NS);
	assert_true(passes(&bucket, &class));
	word = xrl_window_read(&bucket.windows[0]);
	assert_true(xrl_window_swap(&bucket.windows[0], word, word + 1000));
	assert_false(passes(&bucket, &class));
	set_clock(DAY_NS + SECOND_NS);
	assert_int_equal(flood(&bucket, &class, 9), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_windows_recover),
		cmocka_unit_test(sliding_windows_recover),
		cmocka_unit_test(token_buckets_recover),
		cmocka_unit_test(any_state_yields_a_result),
		cmocka_unit_test(simple_class_refreshes_within_a_second),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
