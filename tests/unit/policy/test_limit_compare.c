// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/policy/limit_compare.c: which limits make others ineffective, checked with the program's own
 * arithmetic. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "user/policy/limit.h"
#include "user/policy/limit_compare.h"
#include "tests/unit/random.h"
#include "bpf/limit/sliding_window.h"
#include "bpf/limit/token_bucket.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct xrl_limit limit_of(const char *text)
{
	char parse_error[480];
	struct xrl_limit limit;

	if (limit_parse(text, &limit, parse_error, sizeof(parse_error)))
		fail_msg("%s", parse_error);
	return limit;
}

/* Whether the second limit can never reject what the first one passes. */
static const struct {
	const char *other, *limit;
	int first;
} pairs[] = {
	{"10/1m packets", "1000/1m packets", 1},
	{"10/1m packets", "10/1m packets", 1},
	{"11/1m packets", "10/1m packets", 0},
	{"10/1m packets sliding", "10/1m packets sliding", 1},
	/* one window of the other may contain two */
	{"10/1m packets", "10/1h packets", 0},
	{"10/1m packets", "619/1h packets", 0},
	{"10/1m packets", "620/1h packets", 1},
	{"10/1h packets", "10/1m packets", 0},
	{"10/1h packets", "20/1m packets", 0},
	{"10/1h packets", "21/1m packets", 1},
	{"10/1m packets sliding", "10/1m packets", 0},
	{"10/1m packets", "29/1m packets sliding", 0},
	{"10/1m packets", "40/1m packets sliding", 1},
	{"10/1m packets", "10/1m packets token", 0},
	{"10/1m packets", "10/1m packets token burst 20", 1},
	{"10/1m packets", "9/1m packets token burst 20", 0},
	{"10/1m packets token burst 5", "10/1m packets token burst 5", 1},
	{"10/1m packets token burst 5", "20/2m packets token burst 5", 1},
	{"10/1m packets token burst 5", "10/1m packets token burst 4", 0},
	{"10/1m packets token burst 5", "15/1m packets", 1},
	{"10/1m packets token burst 5", "14/1m packets", 0},
	/* packets that count for one limit only */
	{"10/1m packets", "1000/1m bytes", 0},
	{"10/1m packets", "1000/1m connections", 0},
	{"10/1m packets endpoint tcp/80", "1000/1m packets", 0},
	{"10/1m packets", "1000/1m packets endpoint tcp/80", 1},
	{"10/1m packets", "10/1m packets endpoint tcp/80", 0},
	{"10/1m packets endpoint tcp/80-90", "1000/1m packets endpoint tcp/80", 1},
	{"10/1m packets endpoint tcp/80-90", "1000/1m packets endpoint tcp/90-91", 0},
	{"10/1m packets endpoint tcp/80-90", "1000/1m packets endpoint tcp/79-80", 0},
	{"10/1m packets endpoint tcp/80", "1000/1m packets endpoint udp/80", 0},
	{"10/1m packets endpoint tcp/80", "10/1m packets endpoint tcp/80", 1},
	{"10/1m packets scope class", "1000/1m packets", 1},
	{"10/1m packets", "1000/1m packets scope class", 0},
	{"10/1m packets scope class", "10/1m packets", 0},
	{"10/1m packets scope /16", "1000/1m packets scope /24", 1},
	{"10/1m packets scope /24", "1000/1m packets scope /16", 0},
};

static void idle_limits_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct xrl_limit other = limit_of(pairs[i].other), limit = limit_of(pairs[i].limit);

		if (limit_always_first(&other, &limit) != pairs[i].first)
			fail_msg("'%s' and '%s', expected %d", pairs[i].other, pairs[i].limit,
			         pairs[i].first);
	}
}

/* As in the program: a state that was not refreshed for so long has expired. */
static xrl_packed next(const struct xrl_limit *limit, xrl_packed word, __u64 idle_ns, __u64 now_ns)
{
	if (idle_ns >= 2 * limit->period_ns)
		word = limit->algorithm == XRL_TOKEN ? word : 0;
	if (limit->algorithm == XRL_TOKEN)
		return xrl_token_charge(limit, word, now_ns, 1);
	if (limit->algorithm == XRL_SLIDING)
		return xrl_sliding_charge(limit, word, now_ns, 1);
	if (word && xrl_window_is_expired(limit, word, now_ns))
		word = 0;
	return xrl_window_charge(limit, word, now_ns, 1);
}

static struct xrl_limit random_limit(void)
{
	struct xrl_limit limit = {
		.rate_units = 1 + random_below(30),
		.period_ns = (1 + random_below(8)) * 100000000,
		.algorithm = random_below(XRL_ALGORITHMS),
		.scope_bits = XRL_SCOPE_SOURCE,
	};

	limit.max_units = limit.algorithm == XRL_TOKEN ? 1 + random_below(60) : limit.rate_units;
	limit_derive(&limit);
	return limit;
}

/* The number of units that only the second limit rejects, at varying rates. */
static int refused_by_second(const struct xrl_limit *other, const struct xrl_limit *limit)
{
	__u64 now_ns = (1ULL << 40) + random_below(1ULL << 35), pace_ns = 1;
	xrl_packed other_word = 0, word = 0;
	int refused = 0;

	for (int i = 0; i < 600; i++) {
		xrl_packed other_next, word_next;
		__u64 idle_ns;

		if (!random_below(20))
			pace_ns = 1ULL << (10 + random_below(20));
		idle_ns = 1 + random_below(pace_ns);
		now_ns += idle_ns;
		other_next = next(other, other_word, idle_ns, now_ns);
		word_next = next(limit, word, idle_ns, now_ns);
		refused += other_next && !word_next;
		if (other_next && word_next) {
			other_word = other_next;
			word = word_next;
		}
	}
	return refused;
}

static void idle_limits_never_refuse(void **state)
{
	int idle = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct xrl_limit other = random_limit(), limit = random_limit();
		char other_text[LIMIT_TEXT_SIZE], text[LIMIT_TEXT_SIZE];

		if (random_below(4) == 0)
			limit.period_ns = other.period_ns;
		limit_derive(&limit);
		if (!limit_always_first(&other, &limit))
			continue;
		idle++;
		limit_format(&other, other_text, sizeof(other_text));
		limit_format(&limit, text, sizeof(text));
		if (refused_by_second(&other, &limit))
			fail_msg("'%s' refused what '%s' let pass", text, other_text);
	}
	assert_true(idle > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_limits_are_found),
		cmocka_unit_test(idle_limits_never_refuse),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
