// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "user/util/quote.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEN          "0123456789"
#define SIXTY        TEN TEN TEN TEN TEN TEN

static const struct {
	const char *text;
	size_t length;
	const char *quoted;
} cases[] = {
	{"", 0, ""},
	{NULL, 0, ""},
	{"1.2.3.4", 7, "1.2.3.4"},
	{"1.2.3.4", 3, "1.2"},
	{" ~'\\", 4, " ~'\\"},
	{"a\0b", 3, "a?b"},
	{"\t\n\x1b\x7f", 4, "????"},
	{"\xC3\xA9\xff\x80", 4, "????"},
	{SIXTY, 60, SIXTY},
	{SIXTY "x", 61, SIXTY "..."},
	{SIXTY "\n", 61, SIXTY "..."},
};

static void text_is_made_fit(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char quoted[QUOTE_SIZE];

		assert_ptr_equal(quote(quoted, cases[i].text, cases[i].length), quoted);
		assert_string_equal(quoted, cases[i].quoted);
	}
}

static void every_byte_is_printable_afterwards(void **state)
{
	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		char quoted[QUOTE_SIZE], text = byte;

		quote(quoted, &text, 1);
		assert_int_equal(quoted[0], byte >= 0x20 && byte < 0x7f ? byte : '?');
		assert_int_equal(quoted[1], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_made_fit),
		cmocka_unit_test(every_byte_is_printable_afterwards),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
