// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/serve/http/form.c: the parameters of a request. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "user/serve/http/form.h"

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal) literal, sizeof(literal) - 1

/* Per section 5 of the URL standard. The expected fields alternate name and value. */
static const struct {
	const char *text;
	const char *fields[2 * FORM_MAX_FIELDS + 1];
} good[] = {
	{"", {NULL}},
	{"&", {NULL}},
	{"&&&", {NULL}},
	{"a", {"a", ""}},
	{"a=", {"a", ""}},
	{"a=b", {"a", "b"}},
	{"a=b&", {"a", "b"}},
	{"&a=b", {"a", "b"}},
	{"a&&b", {"a", "", "b", ""}},
	{"a=1&&b=2&", {"a", "1", "b", "2"}},
	{"b=1&a=2", {"b", "1", "a", "2"}},
	{"a&b&c&d&e&f&g&h",
         {"a", "", "b", "", "c", "", "d", "", "e", "", "f", "", "g", "", "h", ""}},
	{"a=b=c", {"a", "b=c"}},
	{"a==", {"a", "="}},
	{"a==b", {"a", "=b"}},
	{"a=b;c=d", {"a", "b;c=d"}},
	{"a=b?c=d", {"a", "b?c=d"}},
	{"a=b#c", {"a", "b#c"}},
	{"ips=1.1.1.1,2.2.2.2", {"ips", "1.1.1.1,2.2.2.2"}},
	{"ips=1.1.1.1%2C2.2.2.2", {"ips", "1.1.1.1,2.2.2.2"}},
	{"ips=1.1.1.1%2c2.2.2.2", {"ips", "1.1.1.1,2.2.2.2"}},
	{"%69p%73=1", {"ips", "1"}},
	{"a=+", {"a", " "}},
	{"a=%20", {"a", " "}},
	{"a= ", {"a", " "}},
	{"a=%2B", {"a", "+"}},
	{"+a+=+b+", {" a ", " b "}},
	{"a=%25", {"a", "%"}},
	{"a=%2541", {"a", "%41"}},
	{"a=%26%3D", {"a", "&="}},
	{"%26=1&%3D=2", {"&", "1", "=", "2"}},
	{"a=%7E%21%7e", {"a", "~!~"}},
	{"a=%C3%A9", {"a", "\xC3\xA9"}},
	{"a=\xC3\xA9", {"a", "\xC3\xA9"}},
	{"a=%80%FF%ff", {"a", "\x80\xFF\xFF"}},
	{"a=1&A=2", {"a", "1", "A", "2"}},
	{"a=1&aa=2", {"a", "1", "aa", "2"}},
	{"aa=1&a=2", {"aa", "1", "a", "2"}},
};

#define LONG "1234567890123456789012345678901234567890123456789012345678901"

/* The text, the piece that the message must quote, and a word that it must contain. */
static const struct {
	const char *text;
	size_t length;
	const char *quoted, *about;
} bad[] = {
	{TEXT("a=%"), "a=%", "two hexadecimal digits"},
	{TEXT("a=%4"), "a=%4", "two hexadecimal digits"},
	{TEXT("a=%4&b=1"), "a=%4", "two hexadecimal digits"},
	{TEXT("a=%&41"), "a=%", "two hexadecimal digits"},
	{TEXT("a%4=1"), "a%4=1", "two hexadecimal digits"},
	{TEXT("a%=41"), "a%=41", "two hexadecimal digits"},
	{TEXT("a=%g1"), "a=%g1", "two hexadecimal digits"},
	{TEXT("a=%1g"), "a=%1g", "two hexadecimal digits"},
	{TEXT("a=%G1"), "a=%G1", "two hexadecimal digits"},
	{TEXT("a=%%41"), "a=%%41", "two hexadecimal digits"},
	{TEXT("a=%+1"), "a=%+1", "two hexadecimal digits"},
	{TEXT("a=%-1"), "a=%-1", "two hexadecimal digits"},
	{TEXT("a=% 1"), "a=% 1", "two hexadecimal digits"},
	{TEXT("a=%0x41"), "a=%0x41", "two hexadecimal digits"},
	{TEXT("a=%u0041"), "a=%u0041", "two hexadecimal digits"},
	{TEXT("a=%:0"), "a=%:0", "two hexadecimal digits"},
	{TEXT("a=%/0"), "a=%/0", "two hexadecimal digits"},
	{TEXT("a=%@0"), "a=%@0", "two hexadecimal digits"},
	{TEXT("a=%`0"), "a=%`0", "two hexadecimal digits"},
	{TEXT("a=%4\xC1"), "a=%4?", "two hexadecimal digits"},
	{TEXT("a=%00"), "a=%00", "control characters"},
	{TEXT("%00=a"), "%00=a", "control characters"},
	{TEXT("a=b%00c"), "a=b%00c", "control characters"},
	{TEXT("a=%0a"), "a=%0a", "control characters"},
	{TEXT("a=%0D%0A"), "a=%0D%0A", "control characters"},
	{TEXT("a=%09"), "a=%09", "control characters"},
	{TEXT("a=%1B[31m"), "a=%1B[31m", "control characters"},
	{TEXT("a=%1f"), "a=%1f", "control characters"},
	{TEXT("a=%7F"), "a=%7F", "control characters"},
	{TEXT("a=\0"), "a=?", "control characters"},
	{TEXT("\0"), "?", "control characters"},
	{TEXT("a\0=b"), "a?=b", "control characters"},
	{TEXT("a=b\n"), "a=b?", "control characters"},
	{TEXT("a=b\r\n"), "a=b??", "control characters"},
	{TEXT("="), "=", "a name"},
	{TEXT("=a"), "=a", "a name"},
	{TEXT("=="), "==", "a name"},
	{TEXT("a=1&=2"), "=2", "a name"},
	{TEXT("a=1&a=2"), "a=2", "given before"},
	{TEXT("a=1&a=1"), "a=1", "given before"},
	{TEXT("a=1&b=2&a"), "a", "given before"},
	{TEXT("a&a"), "a", "given before"},
	{TEXT("a=1&%61=2"), "%61=2", "given before"},
	{TEXT("+=1&%20=2"), "%20=2", "given before"},
	{TEXT("a&b&c&d&e&f&g&h&i"), "i", "too many"},
	{TEXT("a&b&c&d&e&f&g&h&&i&=&%"), "i", "too many"},
	{TEXT("a&b&c&d&e&f&g&h&a"), "a", "too many"},
	/* the first one that is wrong */
	{TEXT("a=1&b=%zz&=2&b"), "b=%zz", "two hexadecimal digits"},
	{TEXT(LONG "=%zz"), "123456789012345678901234567890123456789012345678901234567890...",
         "two hexadecimal digits"},
};

static int parse(struct form *form, const char *text, size_t length, char parse_error[256])
{
	/* no longer than need be, so that ASan catches an overrun */
	char *exact = malloc(length);
	int error;

	if (length)
		memcpy(exact, text, length);
	memset(parse_error, 0, 256);
	memset(form, 0xa5, sizeof(*form));
	error = form_parse(form, exact, length, parse_error, 256);
	free(exact);
	if (error && (error != -EINVAL || form->count || !parse_error[0]))
		fail_msg("%d, %d fields: %s", error, form->count, parse_error);
	if (!error && parse_error[0])
		fail_msg("accepted with a parse error: %s", parse_error);
	return error;
}

static void valid_texts_are_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		char parse_error[256];
		struct form form;
		int count = 0;

		if (parse(&form, good[i].text, strlen(good[i].text), parse_error))
			fail_msg("%s", parse_error);
		for (const char *const *text = good[i].fields; *text; text += 2, count++) {
			const struct form_field *field = &form.fields[count];

			if (count == form.count)
				fail_msg("'%s': '%s' is missing", good[i].text, text[0]);
			assert_string_equal(field->name, text[0]);
			assert_string_equal(field->value, text[1]);
			assert_int_equal(field->name_length, strlen(text[0]));
			assert_int_equal(field->value_length, strlen(text[1]));
			assert_ptr_equal(form_find(&form, text[0]), field);
		}
		assert_int_equal(form.count, count);
		assert_null(form_find(&form, "none"));
		assert_null(form_find(&form, ""));
	}
}

static void invalid_texts_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char parse_error[256], begin[96];
		struct form form;

		if (!parse(&form, bad[i].text, bad[i].length, parse_error))
			fail_msg("'%s' was taken", bad[i].text);
		snprintf(begin, sizeof(begin), "parameter '%s': ", bad[i].quoted);
		if (strncmp(parse_error, begin, strlen(begin)) ||
		    !strstr(parse_error, bad[i].about))
			fail_msg("'%s', expected '%s': %s", bad[i].text, bad[i].about, parse_error);
		assert_null(form_find(&form, "a"));
	}
}

static void an_empty_text_has_no_fields(void **state)
{
	char parse_error[256];
	struct form form;

	(void)state;
	assert_int_equal(form_parse(&form, NULL, 0, parse_error, sizeof(parse_error)), 0);
	assert_int_equal(form.count, 0);
}

/* Raw, and in three forms of escape. */
static void every_byte_is_decoded(void **state)
{
	static const char *const formats[] = {"a=%c", "a=%%%02x", "a=%%%02X"};

	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++)
		for (int byte = 0; byte < 256; byte++) {
			int control = byte < 0x20 || byte == 0x7f, error;
			char text[8], parse_error[256];
			struct form form;
			size_t length;

			if (!i && (byte == '%' || byte == '&' || byte == '+'))
				continue;
			length = sprintf(text, formats[i], byte);
			error = parse(&form, text, length, parse_error);
			assert_int_equal(error, control ? -EINVAL : 0);
			if (error)
				continue;
			assert_int_equal(form.fields[0].value_length, 1);
			assert_int_equal((unsigned char)form.fields[0].value[0], byte);
			assert_int_equal(form.fields[0].value[1], 0);
		}
}

/* The two characters after '%'. */
static void every_escape_is_checked(void **state)
{
	static const char digits[] = "0123456789ABCDEFabcdef";
	int taken = 0;

	(void)state;
	for (int i = 0; i < 65536; i++) {
		char text[] = {'a', '=', '%', i >> 8, i, 'z'}, parse_error[256];
		int good =
			(i >> 8) && (i & 255) && strchr(digits, text[3]) && strchr(digits, text[4]);
		struct form form;

		if (parse(&form, text, sizeof(text), parse_error))
			continue;
		assert_true(good);
		taken++;
	}
	/* less those of the 33 control characters: 1x and 0x in 22 ways, and 7f in 2 */
	assert_int_equal(taken, 22 * 22 - 2 * 22 - 2);
}

static void the_longest_text_is_parsed(void **state)
{
	char parse_error[256], *text = malloc(FORM_MAX_LENGTH + 1);
	struct form form;

	(void)state;
	memset(text, 'x', FORM_MAX_LENGTH + 1);
	assert_int_equal(parse(&form, text, FORM_MAX_LENGTH, parse_error), 0);
	assert_int_equal(form.fields[0].name_length, FORM_MAX_LENGTH);
	assert_int_equal(parse(&form, text, FORM_MAX_LENGTH + 1, parse_error), -EINVAL);
	assert_string_equal(parse_error, "8193 bytes of parameters, at most 8192 are possible");
	/* eight names without values need the most room: two NULs for each '&' */
	memcpy(text, "a&b&c&d&e&f&g&", 14);
	assert_int_equal(parse(&form, text, FORM_MAX_LENGTH, parse_error), 0);
	assert_int_equal(form.count, FORM_MAX_FIELDS);
	assert_int_equal(form.fields[7].name_length, FORM_MAX_LENGTH - 14);
	assert_int_equal(form.fields[7].value_length, 0);
	assert_string_equal(form.fields[6].name, "g");
	memset(text, '&', FORM_MAX_LENGTH);
	assert_int_equal(parse(&form, text, FORM_MAX_LENGTH, parse_error), 0);
	assert_int_equal(form.count, 0);
	free(text);
}

static void a_small_message_buffer_is_respected(void **state)
{
	char parse_error[8] = "1234567";
	struct form form;

	(void)state;
	assert_int_equal(form_parse(&form, "=", 1, parse_error, 4), -EINVAL);
	assert_string_equal(parse_error, "par");
	assert_string_equal(parse_error + 4, "567");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_texts_are_parsed),
		cmocka_unit_test(invalid_texts_are_refused),
		cmocka_unit_test(an_empty_text_has_no_fields),
		cmocka_unit_test(every_byte_is_decoded),
		cmocka_unit_test(every_escape_is_checked),
		cmocka_unit_test(the_longest_text_is_parsed),
		cmocka_unit_test(a_small_message_buffer_is_respected),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
