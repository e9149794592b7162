// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/limit.c: what an operator may write, and what is said of what he may not. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "limit.h"
#include "../../bpf/window.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND       1000000000ULL
#define DAY          (86400 * SECOND)

static const struct {
	const char *text;
	__u64 max_units, period_ns;
	__u32 unit;
	const char *formatted; /* NULL: as it was written */
} good[] = {
	{"1/1s packets", 1, SECOND, XRL_PACKETS, NULL},
	{"10000/1s packets", 10000, SECOND, XRL_PACKETS, NULL},
	{"100/1m connections", 100, 60 * SECOND, XRL_CONNECTIONS, NULL},
	{"20000/2h bytes", 20000, 7200 * SECOND, XRL_BYTES, NULL},
	{"5/100ms packets", 5, SECOND / 10, XRL_PACKETS, NULL},
	{"5/1500ms packets", 5, SECOND * 3 / 2, XRL_PACKETS, NULL},
	{"5/1000ms packets", 5, SECOND, XRL_PACKETS, "5/1s packets"},
	{"5/60s packets", 5, 60 * SECOND, XRL_PACKETS, "5/1m packets"},
	{"5/90s packets", 5, 90 * SECOND, XRL_PACKETS, NULL},
	{"5/90m packets", 5, 5400 * SECOND, XRL_PACKETS, NULL},
	{"5/24h packets", 5, DAY, XRL_PACKETS, "5/1d packets"},
	{"5/31d packets", 5, 31 * DAY, XRL_PACKETS, NULL},
	{"5/2678400s packets", 5, 31 * DAY, XRL_PACKETS, "5/31d packets"},
	{"007/01s packets", 7, SECOND, XRL_PACKETS, "7/1s packets"},
	{"1000000000/1s packets", 1000000000, SECOND, XRL_PACKETS, NULL},
	{"1000000000/1s connections", 1000000000, SECOND, XRL_CONNECTIONS, NULL},
	{"1000000000000/1s bytes", 1000000000000, SECOND, XRL_BYTES, NULL},
	{"10/1s   packets", 10, SECOND, XRL_PACKETS, "10/1s packets"},
};

/* The text, and what the complaint must speak of. */
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
	{"1000000000001/1s bytes", "too large"},
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
	{"10/1s packets ", "text after UNIT"},
	{"10/1s packets\n", "text after UNIT"},
	{"10/1s packets bytes", "text after UNIT"},
	{"10/1s packets sliding", "text after UNIT"},
	{"10/1s frames", "expected packets, bytes or connections"},
	{"10/1s packets, 5/1m connections", "text after UNIT"},
};

static void good_texts_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		char complaint[256] = "";
		struct xrl_limit limit;

		if (limit_parse(good[i].text, &limit, complaint, sizeof(complaint)))
			fail_msg("%s", complaint);
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
		char text[LIMIT_TEXT_SIZE], complaint[256];
		struct xrl_limit limit, again;

		assert_int_equal(limit_parse(good[i].text, &limit, complaint, sizeof(complaint)),
		                 0);
		limit_format(&limit, text, sizeof(text));
		assert_string_equal(text, good[i].formatted ? good[i].formatted : good[i].text);
		assert_int_equal(limit_parse(text, &again, complaint, sizeof(complaint)), 0);
		assert_memory_equal(&limit, &again, sizeof(limit));
	}
}

static void bad_texts_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char complaint[256] = "", quoted[96];
		struct xrl_limit limit;

		if (limit_parse(bad[i].text, &limit, complaint, sizeof(complaint)) != -EINVAL)
			fail_msg("'%s' was taken", bad[i].text);
		snprintf(quoted, sizeof(quoted), "'%s'", bad[i].text);
		if (!strstr(complaint, quoted) || !strstr(complaint, bad[i].about))
			fail_msg("'%s', expected '%s': %s", bad[i].text, bad[i].about, complaint);
	}
}

static void long_texts_are_quoted_in_part(void **state)
{
	char text[5000], complaint[256];
	struct xrl_limit limit;

	(void)state;
	memset(text, '9', sizeof(text));
	text[sizeof(text) - 1] = 0;
	assert_int_equal(limit_parse(text, &limit, complaint, sizeof(complaint)), -EINVAL);
	assert_non_null(strstr(complaint, "9..."));
	memcpy(text, "1/1s ", 5);
	assert_int_equal(limit_parse(text, &limit, complaint, sizeof(complaint)), -EINVAL);
	assert_non_null(strstr(complaint, "9..."));
}

static void a_small_room_for_the_complaint_is_kept(void **state)
{
	char complaint[8] = "1234567";
	struct xrl_limit limit;

	(void)state;
	assert_int_equal(limit_parse("0/s", &limit, complaint, 4), -EINVAL);
	assert_string_equal(complaint, "lim");
	assert_string_equal(complaint + 4, "567");
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
	assert_string_equal(limit_unit_name(XRL_UNITS), "unknown");
	assert_string_equal(limit_unit_name(~0u), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts_are_read),
		cmocka_unit_test(good_texts_go_round),
		cmocka_unit_test(bad_texts_are_refused),
		cmocka_unit_test(long_texts_are_quoted_in_part),
		cmocka_unit_test(a_small_room_for_the_complaint_is_kept),
		cmocka_unit_test(ticks_fit),
		cmocka_unit_test(units_have_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
