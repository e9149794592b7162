// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "user/util/duration.h"
#include "tests/units.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define UNTOUCHED    12345

static const struct {
	const char *text;
	int error;
	__u64 number;
	const char *rest;
} numbers[] = {
	{"0", 0, 0, ""},
	{"7", 0, 7, ""},
	{"007x", 0, 7, "x"},
	{"10/1s", 0, 10, "/1s"},
	{"1234567890 ", 0, 1234567890, " "},
	{"1.5", 0, 1, ".5"},
	{"18446744073709551615", 0, ~0ULL, ""},
	{"18446744073709551616", -ERANGE, 0, NULL},
	{"18446744073709551620", -ERANGE, 0, NULL},
	{"99999999999999999999999", -ERANGE, 0, NULL},
	{"", -EINVAL, 0, NULL},
	{" 1", -EINVAL, 0, NULL},
	{"+1", -EINVAL, 0, NULL},
	{"-1", -EINVAL, 0, NULL},
	{"x1", -EINVAL, 0, NULL},
	{"/1", -EINVAL, 0, NULL},
	{":1", -EINVAL, 0, NULL},
	{"\xD9\xA1", -EINVAL, 0, NULL},
};

static const struct {
	const char *text;
	int error;
	__u64 ns;
	const char *rest;
} durations[] = {
	{"1ms", 0, MS_NS, ""},
	{"1s", 0, SECOND_NS, ""},
	{"1m", 0, 60 * SECOND_NS, ""},
	{"1h", 0, HOUR_NS, ""},
	{"1d", 0, DAY_NS, ""},
	{"0s", 0, 0, ""},
	{"0d", 0, 0, ""},
	{"090s", 0, 90 * SECOND_NS, ""},
	{"15m, 3", 0, 15 * 60 * SECOND_NS, ", 3"},
	{"1s 1s", 0, SECOND_NS, " 1s"},
	{"1s1s", 0, SECOND_NS, "1s"},
	{"1s\xC3\xA9", 0, SECOND_NS, "\xC3\xA9"},
	{"213503d", 0, 213503ULL * DAY_NS, ""},
	{"213504d", -ERANGE, 0, NULL},
	{"5124095h", 0, 5124095ULL * HOUR_NS, ""},
	{"5124096h", -ERANGE, 0, NULL},
	{"18446744073709ms", 0, 18446744073709ULL * MS_NS, ""},
	{"18446744073710ms", -ERANGE, 0, NULL},
	{"18446744073709551616s", -ERANGE, 0, NULL},
	{"", -EINVAL, 0, NULL},
	{"1", -EINVAL, 0, NULL},
	{"s", -EINVAL, 0, NULL},
	{"1 s", -EINVAL, 0, NULL},
	{" 1s", -EINVAL, 0, NULL},
	{"-1s", -EINVAL, 0, NULL},
	{"1.5s", -EINVAL, 0, NULL},
	{"1S", -EINVAL, 0, NULL},
	{"1sec", -EINVAL, 0, NULL},
	{"1us", -EINVAL, 0, NULL},
	{"1ns", -EINVAL, 0, NULL},
	{"1w", -EINVAL, 0, NULL},
	{"1y", -EINVAL, 0, NULL},
	{"1mss", -EINVAL, 0, NULL},
	{"1sm", -EINVAL, 0, NULL},
};

static const struct {
	__u64 ns;
	const char *text;
} formats[] = {
	{0, "0s"},
	{MS_NS, "1ms"},
	{999 * MS_NS, "999ms"},
	{SECOND_NS, "1s"},
	{1500 * MS_NS, "1500ms"},
	{59 * SECOND_NS, "59s"},
	{60 * SECOND_NS, "1m"},
	{90 * SECOND_NS, "90s"},
	{15 * 60 * SECOND_NS, "15m"},
	{HOUR_NS, "1h"},
	{HOUR_NS * 3 / 2, "90m"},
	{DAY_NS, "1d"},
	{25 * HOUR_NS, "25h"},
	{31 * DAY_NS, "31d"},
	{DAY_NS + MS_NS, "86400001ms"},
	{MS_NS * 5 / 2, "2ms"},
	{~0ULL, "18446744073709ms"},
};

static void numbers_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		const char *at = numbers[i].text;
		__u64 number = UNTOUCHED;
		int error = number_take(&at, &number);

		if (error != numbers[i].error)
			fail_msg("'%s': %d", numbers[i].text, error);
		if (error) {
			assert_ptr_equal(at, numbers[i].text);
			continue;
		}
		assert_int_equal(number, numbers[i].number);
		assert_string_equal(at, numbers[i].rest);
	}
}

static void durations_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(durations); i++) {
		const char *at = durations[i].text;
		__u64 ns = UNTOUCHED;
		int error = duration_take(&at, &ns);

		if (error != durations[i].error)
			fail_msg("'%s': %d", durations[i].text, error);
		if (error) {
			assert_ptr_equal(at, durations[i].text);
			continue;
		}
		assert_int_equal(ns, durations[i].ns);
		assert_string_equal(at, durations[i].rest);
	}
}

static void durations_are_formatted(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		char text[DURATION_TEXT_SIZE];

		duration_format(formats[i].ns, text, sizeof(text));
		assert_string_equal(text, formats[i].text);
	}
}

/* Whole milliseconds, many of them whole in larger units. */
static void what_is_formatted_is_taken(void **state)
{
	static const __u64 steps[] = {MS_NS,          7 * MS_NS, SECOND_NS, 30 * SECOND_NS,
	                              60 * SECOND_NS, HOUR_NS,   DAY_NS};

	(void)state;
	for (size_t i = 0; i < COUNT(steps); i++)
		for (__u64 count = 0; count < 20000; count++) {
			char text[DURATION_TEXT_SIZE];
			const char *at = text;
			__u64 ns;

			duration_format(count * steps[i], text, sizeof(text));
			if (duration_take(&at, &ns) || *at || ns != count * steps[i])
				fail_msg("%llu ns became '%s'", count * steps[i], text);
		}
}

static void a_small_room_for_the_text_is_kept(void **state)
{
	char text[8] = "abcdefg";

	(void)state;
	duration_format(1500 * MS_NS, text, 4);
	assert_string_equal(text, "150");
	assert_string_equal(text + 4, "efg");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_taken),
		cmocka_unit_test(durations_are_taken),
		cmocka_unit_test(durations_are_formatted),
		cmocka_unit_test(what_is_formatted_is_taken),
		cmocka_unit_test(a_small_room_for_the_text_is_kept),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
