// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/policy/limit.c: valid limits, and the errors of invalid ones. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "user/policy/limit.h"
#include "user/util/quote.h"
#include "tests/unit/random.h"
#include "bpf/limit/fixed_window.h"
#include "tests/units.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *text;
	__u64 max_units, period_ns;
	__u32 unit;
	const char *formatted; /* NULL: as written */
} good[] = {
	{"1/1s packets", 1, SECOND_NS, XRL_PACKETS, NULL},
	{"10000/1s packets", 10000, SECOND_NS, XRL_PACKETS, NULL},
	{"100/1m connections", 100, 60 * SECOND_NS, XRL_CONNECTIONS, NULL},
	{"20000/2h bytes", 20000, 7200 * SECOND_NS, XRL_BYTES, NULL},
	{"5/100ms packets", 5, SECOND_NS / 10, XRL_PACKETS, NULL},
	{"5/1500ms packets", 5, SECOND_NS * 3 / 2, XRL_PACKETS, NULL},
	{"5/1000ms packets", 5, SECOND_NS, XRL_PACKETS, "5/1s packets"},
	{"5/60s packets", 5, 60 * SECOND_NS, XRL_PACKETS, "5/1m packets"},
	{"5/90s packets", 5, 90 * SECOND_NS, XRL_PACKETS, NULL},
	{"5/90m packets", 5, 5400 * SECOND_NS, XRL_PACKETS, NULL},
	{"5/24h packets", 5, DAY_NS, XRL_PACKETS, "5/1d packets"},
	{"5/31d packets", 5, 31 * DAY_NS, XRL_PACKETS, NULL},
	{"5/2678400s packets", 5, 31 * DAY_NS, XRL_PACKETS, "5/31d packets"},
	{"007/01s packets", 7, SECOND_NS, XRL_PACKETS, "7/1s packets"},
	{"1000000000/1s packets", 1000000000, SECOND_NS, XRL_PACKETS, NULL},
	{"1000000000/1s connections", 1000000000, SECOND_NS, XRL_CONNECTIONS, NULL},
	{"1000000000000000/1s bytes", 1000000000000000, SECOND_NS, XRL_BYTES, NULL},
	{"2500/1d http-requests", 2500, DAY_NS, XRL_HTTP_REQUESTS, NULL},
	{"10/1s   packets", 10, SECOND_NS, XRL_PACKETS, "10/1s packets"},
};

/* The text, and a word that the message must contain. */
static const struct {
	const char *text, *about;
} bad[] = {
	{"", "N must be"},
	{"   ", "N must be"},
	{" 10/1s packets", "N must be"},
	{"packets", "N must be"},
	{"/1s packets", "N must be"},
	{"10", "N must be"},
	{"10 packets", "N must be"},
	{"10 /1s packets", "N must be"},
	{"-1/1s packets", "N must be"},
	{"+1/1s packets", "N must be"},
	{"1.5/1s packets", "N must be"},
	{"1e9/1s packets", "N must be"},
	{"0x10/1s packets", "N must be"},
	{"1,000/1s packets", "N must be"},
	{"10k/1s packets", "N must be"},
	{"\xD9\xA1/1s packets", "N must be"},
	{"0/s", "at least 1"},
	{"0/1s packets", "at least 1"},
	{"000/1s packets", "at least 1"},
	{"1000000001/1s packets", "too large"},
	{"1000000001/1s connections", "too large"},
	{"1000000001/1s http-requests", "too large"},
	{"1000000000000001/1s bytes", "too large"},
	{"18446744073709551615/1s bytes", "too large"},
	{"18446744073709551616/1s bytes", "too large"},
	{"18446744073709551617/1s packets", "too large"},
	{"99999999999999999999/1s packets", "too large"},
	{"10/", "PERIOD"},
	{"10/s", "PERIOD"},
	{"10/s packets", "PERIOD"},
	{"10/ 1s packets", "PERIOD"},
	{"10/1", "PERIOD"},
	{"10/1 packets", "PERIOD"},
	{"10/1 s packets", "PERIOD"},
	{"10/-1s packets", "PERIOD"},
	{"10/1y packets", "PERIOD"},
	{"10/1S packets", "PERIOD"},
	{"10/1sec packets", "PERIOD"},
	{"10/1us packets", "PERIOD"},
	{"10/1.5s packets", "PERIOD"},
	{"10/0s", "PERIOD"},
	{"10/0s packets", "PERIOD"},
	{"10/1ms packets", "PERIOD"},
	{"10/50ms packets", "PERIOD"},
	{"10/99ms packets", "PERIOD"},
	{"10/32d packets", "PERIOD"},
	{"10/745h packets", "PERIOD"},
	{"10/2678401s packets", "PERIOD"},
	{"10/213504d packets", "PERIOD"},
	{"10/18446744073709551616s packets", "PERIOD"},
	{"10/99999999999999999999s packets", "PERIOD"},
	{"10000/1s", "UNIT"},
	{"10000/1s ", "unknown unit"},
	{"10/1s\tpackets", "UNIT"},
	{"10/1s/packets", "UNIT"},
	{"10/1s-packets", "UNIT"},
	{"10/1s packet", "did you mean 'packets'"},
	{"10/1s Packets", "did you mean 'packets'"},
	{"10/1s b", "did you mean 'bytes'"},
	{"10/1s BYTES", "did you mean 'bytes'"},
	{"10/1s conns", "did you mean 'connections'"},
	{"10/1s http", "did you mean 'http-requests'"},
	{"10/1s htpt-requests", "did you mean 'http-requests'"},
	{"10/1s packets\n", "unknown unit 'packets?', did you mean 'packets'"},
	{"10/1s frames", "expected packets, bytes, connections or http-requests"},
	{"10/1s packets, 5/1m connections", "unknown unit 'packets,', did you mean 'packets'"},
	/* words after the unit */
	{"10/1s packets ", "a space at the end"},
	{"10/1s packets sliding ", "a space at the end"},
	{"10/1s packets bytes",
         "unknown word 'bytes'; expected fixed, sliding, token, burst, scope "
         "or endpoint"},
	{"10/1s packets slidng", "unknown word 'slidng', did you mean 'sliding'?"},
	{"10/1s packets Token", "unknown word 'Token', did you mean 'token'?"},
	{"10/1s packets sliding,", "did you mean 'sliding'?"},
	{"10/1s packets\tsliding", "unknown unit 'packets?sliding', did you mean"},
	{"10/1s packets sliding sliding", "only one of fixed, sliding and token"},
	{"10/1s packets fixed token", "only one of fixed, sliding and token"},
	{"10/1s packets burst 20", "'burst' needs a token bucket: add 'token'"},
	{"10/1s packets burst 10", "'burst' needs a token bucket"},
	{"10/1s packets sliding burst 20", "'burst' needs a token bucket"},
	{"10/1s packets token burst", "a whole number from 1 to 1000000000 after 'burst'"},
	{"10/1s packets burst token 20", "a whole number from 1 to 1000000000 after 'burst'"},
	{"10/1s packets token burst 0", "a whole number from 1 to 1000000000 after 'burst'"},
	{"10/1s packets token burst 1x", "a whole number from 1 to 1000000000 after 'burst'"},
	{"10/1s packets token burst -1", "a whole number from 1 to 1000000000 after 'burst'"},
	{"1000/1s packets token burst 1000000001", "a whole number from 1 to 1000000000 after"},
	{"10/1s bytes token burst 1000000000000001", "from 1 to 1000000000000000 after 'burst'"},
	{"10/1s packets token burst 5 burst 5", "'burst' is given twice"},
	{"1/1s packets token burst 2678401", "more than 31d"},
	{"1/31d packets token burst 2", "more than 31d"},
	{"1/100ms packets token burst 26784001", "more than 31d"},
	{"10/1s packets scope", "source, class or a prefix from /8 to /31"},
	{"10/1s packets scope host", "source, class or a prefix from /8 to /31"},
	{"10/1s packets scope sorce", "did you mean 'scope source'"},
	{"10/1s packets scope 24", "source, class or a prefix from /8 to /31"},
	{"10/1s packets scope /", "source, class or a prefix from /8 to /31"},
	{"10/1s packets scope /7", "source, class or a prefix from /8 to /31"},
	{"10/1s packets scope /33", "source, class or a prefix from /8 to /31"},
	{"10/1s packets scope /24x", "source, class or a prefix from /8 to /31"},
	{"10/1s packets scope /32", "write 'scope source'"},
	{"10/1s packets scope class scope class", "'scope' is given twice"},
	{"10/1s packets endpoint", "endpoint '': expected tcp/PORT"},
	{"10/1s packets endpoint 80", "endpoint '80': expected tcp/PORT"},
	{"10/1s packets endpoint tcp", "endpoint 'tcp': expected tcp/PORT"},
	{"10/1s packets endpoint tcp/", "endpoint 'tcp/': expected tcp/PORT"},
	{"10/1s packets endpoint tcp/http", "endpoint 'tcp/http': expected tcp/PORT"},
	{"10/1s packets endpoint TCP/80", "endpoint 'TCP/80': did you mean 'tcp/'?"},
	{"10/1s packets endpoint tpc/80", "endpoint 'tpc/80': did you mean 'tcp/'?"},
	{"10/1s packets endpoint icmp/80", "endpoint 'icmp/80': expected tcp/PORT"},
	{"10/1s packets endpoint tcp/0", "expected ports from 1 to 65535"},
	{"10/1s packets endpoint tcp/0-80", "expected ports from 1 to 65535"},
	{"10/1s packets endpoint tcp/80-0", "expected ports from 1 to 65535"},
	{"10/1s packets endpoint tcp/65536", "expected ports from 1 to 65535"},
	{"10/1s packets endpoint tcp/1-65536", "expected ports from 1 to 65535"},
	{"10/1s packets endpoint tcp/65616", "expected ports from 1 to 65535"},
	{"10/1s packets endpoint tcp/80-79", "must be the lower one"},
	{"10/1s packets endpoint tcp/80-", "endpoint 'tcp/80-': expected tcp/PORT"},
	{"10/1s packets endpoint tcp/80-81-82", "endpoint 'tcp/80-81-82': expected tcp/PORT"},
	{"10/1s packets endpoint tcp/80,443", "endpoint 'tcp/80,443': expected tcp/PORT"},
	{"10/1s packets endpoint tcp/80 endpoint udp/53", "'endpoint' is given twice"},
	{"10/1s connections endpoint udp/53", "no connections over UDP"},
	{"10/1s http-requests endpoint udp/80", "no http-requests over UDP"},
};

static void good_texts_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		char parse_error[256] = "";
		struct xrl_limit limit;

		if (limit_parse(good[i].text, &limit, parse_error, sizeof(parse_error)))
			fail_msg("%s", parse_error);
		assert_int_equal(limit.max_units, good[i].max_units);
		assert_int_equal(limit.period_ns, good[i].period_ns);
		assert_int_equal(limit.unit, good[i].unit);
		assert_int_equal(limit.since_generation, 0);
	}
}

static void good_texts_go_round(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		char text[LIMIT_TEXT_SIZE], parse_error[256];
		struct xrl_limit limit, again;

		assert_int_equal(
			limit_parse(good[i].text, &limit, parse_error, sizeof(parse_error)), 0);
		limit_format(&limit, text, sizeof(text));
		assert_string_equal(text, good[i].formatted ? good[i].formatted : good[i].text);
		assert_int_equal(limit_parse(text, &again, parse_error, sizeof(parse_error)), 0);
		assert_memory_equal(&limit, &again, sizeof(limit));
	}
}

/* Words after the unit, and their canonical form. */
static const struct {
	const char *text, *formatted; /* NULL: as written */
	__u64 rate_units, max_units;
	__u32 algorithm, scope_bits, protocol, first_port, last_port;
} options[] = {
	{"10/1s packets fixed", "10/1s packets", 10, 10, XRL_FIXED, 32, 0, 0, 0},
	{"10/1s packets sliding", NULL, 10, 10, XRL_SLIDING, 32, 0, 0, 0},
	{"10/1s packets token", NULL, 10, 10, XRL_TOKEN, 32, 0, 0, 0},
	{"10/1s packets token burst 20", NULL, 10, 20, XRL_TOKEN, 32, 0, 0, 0},
	{"10/1s packets burst 1 token", "10/1s packets token burst 1", 10, 1, XRL_TOKEN, 32, 0, 0,
         0},
	{"10/1s packets token burst 10", "10/1s packets token", 10, 10, XRL_TOKEN, 32, 0, 0, 0},
	{"1/1s packets token burst 2678400", NULL, 1, 2678400, XRL_TOKEN, 32, 0, 0, 0},
	{"1/31d packets token burst 1", "1/31d packets token", 1, 1, XRL_TOKEN, 32, 0, 0, 0},
	{"10/1s packets scope source", "10/1s packets", 10, 10, XRL_FIXED, 32, 0, 0, 0},
	{"10/1s packets scope class", NULL, 10, 10, XRL_FIXED, 0, 0, 0, 0},
	{"10/1s packets scope /8", NULL, 10, 10, XRL_FIXED, 8, 0, 0, 0},
	{"10/1s packets scope /31", NULL, 10, 10, XRL_FIXED, 31, 0, 0, 0},
	{"10/1s packets endpoint tcp/1", NULL, 10, 10, XRL_FIXED, 32, 6, 1, 1},
	{"10/1s packets endpoint udp/65535", NULL, 10, 10, XRL_FIXED, 32, 17, 65535, 65535},
	{"10/1s packets endpoint udp/1-65535", NULL, 10, 10, XRL_FIXED, 32, 17, 1, 65535},
	{"10/1s packets endpoint tcp/80-80", "10/1s packets endpoint tcp/80", 10, 10, XRL_FIXED, 32,
         6, 80, 80},
	{"10/1s bytes  endpoint tcp/80-81  burst 9  scope /24  token",
         "10/1s bytes token burst 9 scope /24 endpoint tcp/80-81", 10, 9, XRL_TOKEN, 24, 6, 80, 81},
};

static void options_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(options); i++) {
		char parse_error[480] = "", text[LIMIT_TEXT_SIZE];
		struct xrl_limit limit;

		if (limit_parse(options[i].text, &limit, parse_error, sizeof(parse_error)))
			fail_msg("%s", parse_error);
		assert_int_equal(limit.rate_units, options[i].rate_units);
		assert_int_equal(limit.max_units, options[i].max_units);
		assert_int_equal(limit.algorithm, options[i].algorithm);
		assert_int_equal(limit.scope_bits, options[i].scope_bits);
		assert_int_equal(limit.endpoint_protocol, options[i].protocol);
		assert_int_equal(limit.first_port, options[i].first_port);
		assert_int_equal(limit.last_port, options[i].last_port);
		limit_format(&limit, text, sizeof(text));
		assert_string_equal(text,
		                    options[i].formatted ? options[i].formatted : options[i].text);
	}
}

/* A random valid limit, with small and large numbers. */
static struct xrl_limit random_limit(void)
{
	struct xrl_limit limit = {.unit = random_below(XRL_UNITS), .scope_bits = XRL_SCOPE_SOURCE};
	__u64 most = limit.unit == XRL_BYTES ? LIMIT_MAX_BYTES : LIMIT_MAX_UNITS;

	limit.rate_units = 1 + random_below(most) / (1ULL << random_below(50));
	limit.period_ns =
		(100 + random_below(2678399900ULL) / (1ULL << random_below(30))) * 1000000;
	limit.algorithm = random_below(XRL_ALGORITHMS);
	limit.max_units = limit.rate_units;
	if (limit.algorithm == XRL_TOKEN && random_below(2)) {
		unsigned __int128 burst = (unsigned __int128)LIMIT_MAX_PERIOD_NS * limit.rate_units;

		burst /= limit.period_ns;
		limit.max_units = burst < most ? burst : most;
		limit.max_units = 1 + random_below(limit.max_units);
	}
	if (random_below(2))
		limit.scope_bits = random_below(2) ? XRL_SCOPE_CLASS : 8 + random_below(24);
	if (random_below(2)) {
		limit.endpoint_protocol = limit.unit > XRL_BYTES || random_below(2) ? 6 : 17;
		limit.first_port = 1 + random_below(65535);
		limit.last_port = limit.first_port + random_below(65536 - limit.first_port);
	}
	limit_derive(&limit);
	return limit;
}

static void random_limits_go_round(void **state)
{
	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct xrl_limit limit = random_limit(), again;
		char text[LIMIT_TEXT_SIZE], parse_error[480];

		limit_format(&limit, text, sizeof(text));
		assert_true(strlen(text) < LIMIT_TEXT_SIZE - 1);
		if (limit_parse(text, &again, parse_error, sizeof(parse_error)))
			fail_msg("%s", parse_error);
		assert_memory_equal(&limit, &again, sizeof(limit));
	}
}

/* Limits of ICMP errors, and the errors of invalid ones. NULL: valid. */
static const struct {
	const char *text, *parse_error;
} icmp[] = {
	{"100/1s", NULL},
	{"100/1s packets", NULL},
	{"1000000000/31d  packets", NULL},
	{"1/100ms", NULL},
	{"", "limit '': N must be a whole number in digits, followed by '/'; expected N/PERIOD in "
             "packets, such as '100/1s'"},
	{"0/1s",
         "limit '0/1s': N must be at least 1; expected N/PERIOD in packets, such as '100/1s'"},
	{"1/99ms",
         "limit '1/99ms': PERIOD must be from 100ms to 31d; expected N/PERIOD in packets, "
         "such as '100/1s'"},
	{"1/1y", "limit '1/1y': PERIOD must be a whole number and one of ms, s, m, h, d; expected "
                 "N/PERIOD in packets, such as '100/1s'"},
	{"1000000001/1s", "limit '1000000001/1s': N is too large; the maximum is 1000000000 "
                          "packets"},
	{"1/1s bytes", "limit '1/1s bytes': ICMP errors are counted in packets, in a fixed window; "
                       "expected N/PERIOD in packets, such as '100/1s'"},
	{"1/1s ", "limit '1/1s ': ICMP errors are counted in packets, in a fixed window; expected "
                  "N/PERIOD in packets, such as '100/1s'"},
	{"1/1s packets sliding",
         "limit '1/1s packets sliding': ICMP errors are counted in packets, in a fixed window; "
         "expected N/PERIOD in packets, such as "
         "'100/1s'"},
};

static void icmp_limits_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(icmp); i++) {
		char parse_error[480] = "", text[LIMIT_TEXT_SIZE];
		struct xrl_limit limit, same;
		int error =
			limit_parse_icmp(icmp[i].text, &limit, parse_error, sizeof(parse_error));

		assert_int_equal(error, icmp[i].parse_error ? -EINVAL : 0);
		assert_string_equal(parse_error, icmp[i].parse_error ? icmp[i].parse_error : "");
		if (error)
			continue;
		limit_format(&limit, text, sizeof(text));
		assert_int_equal(limit_parse(text, &same, parse_error, sizeof(parse_error)), 0);
		assert_memory_equal(&limit, &same, sizeof(limit));
		assert_int_equal(limit.unit, XRL_PACKETS);
		assert_int_equal(limit.algorithm, XRL_FIXED);
	}
}

static void bad_texts_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char parse_error[480] = "", text[QUOTE_SIZE], quoted[96];
		struct xrl_limit limit;

		if (limit_parse(bad[i].text, &limit, parse_error, sizeof(parse_error)) != -EINVAL)
			fail_msg("'%s' was taken", bad[i].text);
		snprintf(quoted, sizeof(quoted),
		         "limit '%s': ", quote(text, bad[i].text, strlen(bad[i].text)));
		if (!strstr(parse_error, quoted) || !strstr(parse_error, bad[i].about))
			fail_msg("'%s', expected '%s': %s", bad[i].text, bad[i].about, parse_error);
	}
}

static void long_texts_are_quoted_in_part(void **state)
{
	char text[5000], parse_error[480];
	struct xrl_limit limit;

	(void)state;
	memset(text, '9', sizeof(text));
	text[sizeof(text) - 1] = 0;
	assert_int_equal(limit_parse(text, &limit, parse_error, sizeof(parse_error)), -EINVAL);
	assert_non_null(strstr(parse_error, "9..."));
	memcpy(text, "1/1s ", 5);
	assert_int_equal(limit_parse(text, &limit, parse_error, sizeof(parse_error)), -EINVAL);
	assert_non_null(strstr(parse_error, "9..."));
	/* nothing is read from the part that is kept of a long word */
	memset(text, '0', sizeof(text));
	strcpy(text + 90, "24");
	memcpy(text, "1/1s packets scope /", 20);
	assert_int_equal(limit_parse(text, &limit, parse_error, sizeof(parse_error)), -EINVAL);
	memset(text, '0', sizeof(text));
	strcpy(text + 100, "1");
	memcpy(text, "1/1s packets endpoint tcp/1000", 26);
	assert_int_equal(limit_parse(text, &limit, parse_error, sizeof(parse_error)), -EINVAL);
}

static void a_small_message_buffer_is_respected(void **state)
{
	char parse_error[8] = "1234567";
	struct xrl_limit limit;

	(void)state;
	assert_int_equal(limit_parse("0/s", &limit, parse_error, 4), -EINVAL);
	assert_string_equal(parse_error, "lim");
	assert_string_equal(parse_error + 4, "567");
}

/* The finest ticks in which the period has at most 2^22, rounded up. */
static void ticks_fit(void **state)
{
	(void)state;
	for (__u64 period_ns = LIMIT_MIN_PERIOD_NS; period_ns <= LIMIT_MAX_PERIOD_NS;
	     period_ns += period_ns / 7 + 1) {
		struct xrl_limit limit;

		limit_set(&limit, 1, period_ns, XRL_PACKETS);
		assert_true(limit.period_ticks <= XRL_MAX_PERIOD_TICKS);
		assert_true(limit.period_ticks > XRL_MAX_PERIOD_TICKS / 2 - 1);
		assert_true((__u64)limit.period_ticks << limit.tick_shift >= period_ns);
		assert_true((__u64)(limit.period_ticks - 1) << limit.tick_shift < period_ns);
	}
}

static void units_have_names(void **state)
{
	(void)state;
	assert_string_equal(limit_unit_name(XRL_PACKETS), "packets");
	assert_string_equal(limit_unit_name(XRL_BYTES), "bytes");
	assert_string_equal(limit_unit_name(XRL_CONNECTIONS), "connections");
	assert_string_equal(limit_unit_name(XRL_HTTP_REQUESTS), "http-requests");
	assert_string_equal(limit_algorithm_name(XRL_TOKEN), "token");
	assert_string_equal(limit_algorithm_name(XRL_ALGORITHMS), "unknown");
	assert_string_equal(limit_unit_name(XRL_UNITS), "unknown");
	assert_string_equal(limit_unit_name(~0u), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts_are_read),
		cmocka_unit_test(good_texts_go_round),
		cmocka_unit_test(options_are_read),
		cmocka_unit_test(random_limits_go_round),
		cmocka_unit_test(icmp_limits_are_read),
		cmocka_unit_test(bad_texts_are_refused),
		cmocka_unit_test(long_texts_are_quoted_in_part),
		cmocka_unit_test(a_small_message_buffer_is_respected),
		cmocka_unit_test(ticks_fit),
		cmocka_unit_test(units_have_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
