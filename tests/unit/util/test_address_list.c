// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/util/address_list.c: valid address lists of a permit request, and the errors of invalid
 * ones. */

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "user/util/address_list.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEN_MB       (10 * 1024 * 1024)
#define MAX          10

static const struct {
	const char *text;
	__u32 count;
	const char *formatted; /* NULL: as written */
} good[] = {
	{"192.0.2.1", 1, NULL},
	{"192.0.2.1,192.0.2.2", 2, NULL},
	{"192.0.2.2,192.0.2.1", 2, NULL},
	{"1.0.0.0", 1, NULL},
	{"10.0.0.10,127.0.0.1,169.254.1.1", 3, NULL},
	{"223.255.255.255,240.0.0.0", 2, NULL},
	{"255.255.255.254,255.255.254.255,255.254.255.255,254.255.255.255", 4, NULL},
	{"100.200.199.249", 1, NULL},
	{"1.2.3.4,1.2.3.4", 1, "1.2.3.4"},
	{"1.2.3.4,4.3.2.1,1.2.3.4,4.3.2.1,1.2.3.4", 2, "1.2.3.4,4.3.2.1"},
	{"1.2.3.4,1.2.3.5,1.2.4.4,1.3.3.4,2.2.3.4", 5, NULL},
	{"1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,1.1.1.8,1.1.1.9,1.1.1.10", 10,
         NULL},
	{"1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,1.1.1.8,1.1.1.9,1.1.1.9,1.1.1.1,"
         "1.1.1.10,1.1.1.5",
         10, "1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,1.1.1.8,1.1.1.9,1.1.1.10"},
};

#define TEXT(literal) literal, sizeof(literal) - 1
#define LONG          "1234567890123456789012345678901234567890123456789012345678901"

/* The text, the token that the message must quote, and a word that it must contain. */
static const struct {
	const char *text;
	size_t length;
	const char *quoted, *about;
} bad[] = {
	{TEXT(""), "", "missing"},
	{TEXT(","), "", "missing"},
	{TEXT(",,"), "", "missing"},
	{TEXT("1.2.3.4,"), "", "missing"},
	{TEXT(",1.2.3.4"), "", "missing"},
	{TEXT("1.2.3.4,,1.2.3.5"), "", "missing"},
	{TEXT(" "), " ", "spaces"},
	{TEXT(" 1.2.3.4"), " 1.2.3.4", "spaces"},
	{TEXT("1.2.3.4 "), "1.2.3.4 ", "spaces"},
	{TEXT("1.2.3.4, 1.2.3.5"), " 1.2.3.5", "spaces"},
	{TEXT("1.2.3.4 ,1.2.3.5"), "1.2.3.4 ", "spaces"},
	{TEXT("1.2. 3.4"), "1.2. 3.4", "spaces"},
	{TEXT("1.2.3.4\t"), "1.2.3.4?", "spaces"},
	{TEXT("1.2.3.4\n"), "1.2.3.4?", "spaces"},
	{TEXT("1.2.3.4\r\n"), "1.2.3.4??", "spaces"},
	{TEXT("1.2.3.4 1.2.3.5"), "1.2.3.4 1.2.3.5", "spaces"},
	{TEXT("1.2.3.4;1.2.3.5"), "1.2.3.4;1.2.3.5", "not an IPv4 address"},
	{TEXT("1.2.3.0/24"), "1.2.3.0/24", "a network, not an address"},
	{TEXT("1.2.3.4/32"), "1.2.3.4/32", "a network, not an address"},
	{TEXT("0.0.0.0/0"), "0.0.0.0/0", "a network, not an address"},
	{TEXT("1.2.3.4/"), "1.2.3.4/", "a network, not an address"},
	{TEXT("/24"), "/24", "not an IPv4 address"},
	{TEXT("::1"), "::1", "IPv6"},
	{TEXT("2001:db8::1"), "2001:db8::1", "IPv6"},
	{TEXT("2001:db8::/32"), "2001:db8::/32", "IPv6"},
	{TEXT("::ffff:1.2.3.4"), "::ffff:1.2.3.4", "IPv6"},
	{TEXT("64:ff9b::1.2.3.4"), "64:ff9b::1.2.3.4", "IPv6"},
	{TEXT("[::1]"), "[::1]", "IPv6"},
	{TEXT("fe80::1%eth0"), "fe80::1%eth0", "IPv6"},
	{TEXT("1.2.3.4:80"), "1.2.3.4:80", "a port"},
	{TEXT("localhost:80"), "localhost:80", "not an IPv4 address"},
	{TEXT("http://1.2.3.4/"), "http://1.2.3.4/", "not an IPv4 address"},
	{TEXT("1"), "1", "not an IPv4 address"},
	{TEXT("1.2"), "1.2", "not an IPv4 address"},
	{TEXT("1.2.3"), "1.2.3", "not an IPv4 address"},
	{TEXT("1.2.3."), "1.2.3.", "not an IPv4 address"},
	{TEXT(".1.2.3"), ".1.2.3", "not an IPv4 address"},
	{TEXT("1..2.3"), "1..2.3", "not an IPv4 address"},
	{TEXT("1.2.3.4."), "1.2.3.4.", "not an IPv4 address"},
	{TEXT(".1.2.3.4"), ".1.2.3.4", "not an IPv4 address"},
	{TEXT("1..2.3.4"), "1..2.3.4", "not an IPv4 address"},
	{TEXT("1.2.3.4.5"), "1.2.3.4.5", "not an IPv4 address"},
	{TEXT("..."), "...", "not an IPv4 address"},
	{TEXT("16909060"), "16909060", "not an IPv4 address"},
	{TEXT("0x1.2.3.4"), "0x1.2.3.4", "not an IPv4 address"},
	{TEXT("0x01020304"), "0x01020304", "not an IPv4 address"},
	{TEXT("1.2.3.a"), "1.2.3.a", "not an IPv4 address"},
	{TEXT("-1.2.3.4"), "-1.2.3.4", "not an IPv4 address"},
	{TEXT("+1.2.3.4"), "+1.2.3.4", "not an IPv4 address"},
	{TEXT("1.2.3.4-9"), "1.2.3.4-9", "not an IPv4 address"},
	{TEXT("1.2.3.*"), "1.2.3.*", "not an IPv4 address"},
	{TEXT("localhost"), "localhost", "not an IPv4 address"},
	{TEXT("01.2.3.4"), "01.2.3.4", "leading zeros"},
	{TEXT("1.2.3.04"), "1.2.3.04", "leading zeros"},
	{TEXT("1.02.3.4"), "1.02.3.4", "leading zeros"},
	{TEXT("1.2.3.00"), "1.2.3.00", "leading zeros"},
	{TEXT("1.2.3.0000000000000004"), "1.2.3.0000000000000004", "leading zeros"},
	{TEXT("300.2.3.04"), "300.2.3.04", "leading zeros"},
	{TEXT("256.1.1.1"), "256.1.1.1", "at most 255"},
	{TEXT("1.256.1.1"), "1.256.1.1", "at most 255"},
	{TEXT("1.1.256.1"), "1.1.256.1", "at most 255"},
	{TEXT("1.1.1.256"), "1.1.1.256", "at most 255"},
	{TEXT("10.0.0.1000"), "10.0.0.1000", "at most 255"},
	{TEXT("1.1.1.4294967297"), "1.1.1.4294967297", "at most 255"},
	{TEXT("0.0.0.0"), "0.0.0.0", "0.0.0.0/8"},
	{TEXT("0.1.2.3"), "0.1.2.3", "0.0.0.0/8"},
	{TEXT("0.255.255.255"), "0.255.255.255", "0.0.0.0/8"},
	{TEXT("224.0.0.0"), "224.0.0.0", "multicast"},
	{TEXT("224.0.0.1"), "224.0.0.1", "multicast"},
	{TEXT("232.1.1.1"), "232.1.1.1", "multicast"},
	{TEXT("239.255.255.255"), "239.255.255.255", "multicast"},
	{TEXT("255.255.255.255"), "255.255.255.255", "broadcast"},
	{TEXT("\0"), "?", "not an IPv4 address"},
	{TEXT("1.2.3.4\0"), "1.2.3.4?", "not an IPv4 address"},
	{TEXT("1.2.3.4\0,1.2.3.5"), "1.2.3.4?", "not an IPv4 address"},
	{TEXT("1.2.3.4,\0"), "?", "not an IPv4 address"},
	{TEXT("1.2.3\0.4"), "1.2.3?.4", "not an IPv4 address"},
	{TEXT("\xD9\xA1.2.3.4"), "??.2.3.4", "not an IPv4 address"},
	{TEXT("1.2.3.4\xC2\xA0"), "1.2.3.4??", "not an IPv4 address"},
	{TEXT("\x1b[31m1.2.3.4"), "?[31m1.2.3.4", "not an IPv4 address"},
	{TEXT("%31.2.3.4"), "%31.2.3.4", "not an IPv4 address"},
	{TEXT("1.2.3.4%2C1.2.3.5"), "1.2.3.4%2C1.2.3.5", "not an IPv4 address"},
	{TEXT(LONG "2,1.2.3.4"), "123456789012345678901234567890123456789012345678901234567890...",
         "not an IPv4 address"},
	/* the first invalid one */
	{TEXT("1.2.3.4,bad,worse,256.1.1.1"), "bad", "not an IPv4 address"},
	{TEXT("1.2.3.4,224.0.0.1,bad"), "224.0.0.1", "multicast"},
	{TEXT("1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,1.1.1.8,1.1.1.9,1.1.1.10,"
              "1.1.1.11,bad"),
         "bad", "not an IPv4 address"},
};

/* Exactly as large as needed, so that ASan detects an overrun. */
static char *copy(const char *text, size_t length)
{
	char *copy = malloc(length);

	return length ? memcpy(copy, text, length) : copy;
}

static int parse(struct address_list *list, const char *text, size_t length, __u32 max_addresses,
                 char parse_error[256])
{
	char *exact = copy(text, length);
	int error;

	memset(parse_error, 0, 256);
	memset(list, 0xa5, sizeof(*list));
	error = address_list_parse(list, exact, length, max_addresses, parse_error, 256);
	free(exact);
	if (error && (error != -EINVAL || list->count || !parse_error[0]))
		fail_msg("%d, %u addresses: %s", error, list->count, parse_error);
	if (!error && parse_error[0])
		fail_msg("accepted with a parse error: %s", parse_error);
	return error;
}

static void format(const struct address_list *list, char *text)
{
	*text = '\0';
	for (__u32 i = 0; i < list->count; i++) {
		char address[INET_ADDRSTRLEN];

		inet_ntop(AF_INET, &list->addresses[i], address, sizeof(address));
		text += sprintf(text, "%s%s", i ? "," : "", address);
	}
}

static void good_texts_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		char parse_error[256], text[256];
		struct address_list list;

		if (parse(&list, good[i].text, strlen(good[i].text), MAX, parse_error))
			fail_msg("%s", parse_error);
		assert_int_equal(list.count, good[i].count);
		format(&list, text);
		assert_string_equal(text, good[i].formatted ? good[i].formatted : good[i].text);
	}
}

static void bad_texts_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char parse_error[256], begin[96];
		struct address_list list;

		if (!parse(&list, bad[i].text, bad[i].length, MAX, parse_error))
			fail_msg("'%s' was taken", bad[i].text);
		snprintf(begin, sizeof(begin), "address '%s': ", bad[i].quoted);
		if (strncmp(parse_error, begin, strlen(begin)) ||
		    !strstr(parse_error, bad[i].about) ||
		    !strstr(parse_error, "; expected four decimal octets, such as 192.0.2.1"))
			fail_msg("'%s', expected '%s': %s", bad[i].text, bad[i].about, parse_error);
	}
}

static void no_text_at_all_is_refused(void **state)
{
	char parse_error[256];
	struct address_list list;

	(void)state;
	assert_int_equal(address_list_parse(&list, NULL, 0, MAX, parse_error, sizeof(parse_error)),
	                 -EINVAL);
	assert_non_null(strstr(parse_error, "missing"));
}

/* `count` addresses from 10.0.0.0 on. */
static size_t write_addresses(char *text, __u32 count)
{
	size_t length = 0;

	for (__u32 i = 0; i < count; i++)
		length += sprintf(text + length, "%s10.%u.%u.%u", i ? "," : "", i >> 16,
		                  i >> 8 & 255, i & 255);
	return length;
}

static void the_addresses_are_counted(void **state)
{
	static const struct {
		__u32 count, max_addresses;
		const char *parse_error; /* NULL: valid */
	} cases[] = {
		{1, 1, NULL},
		{2, 1, "2 addresses, at most 1 in one request"},
		{10, 10, NULL},
		{11, 10, "11 addresses, at most 10 in one request"},
		{12, 10, "12 addresses, at most 10 in one request"},
		{1000, 10, "1000 addresses, at most 10 in one request"},
		{1001, 10, "more than 1000 addresses, at most 10 in one request"},
		{999, 1000, NULL},
		{1000, 1000, NULL},
		{1000, 999, "1000 addresses, at most 999 in one request"},
		{1001, 1000, "more than 1000 addresses, at most 1000 in one request"},
		{1500, 1000, "more than 1000 addresses, at most 1000 in one request"},
	};
	static char text[1500 * 16], formatted[1500 * 16];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t length = write_addresses(text, cases[i].count);
		__u32 most = cases[i].max_addresses;
		char parse_error[256], expected[256] = "";
		struct address_list list;
		int error = parse(&list, text, length, most, parse_error);

		if (cases[i].parse_error)
			snprintf(expected, sizeof(expected),
			         "%s; '10.%u.%u.%u' is the first one too many",
			         cases[i].parse_error, most >> 16, most >> 8 & 255, most & 255);
		assert_string_equal(parse_error, expected);
		if (error)
			continue;
		assert_int_equal(list.count, cases[i].count);
		format(&list, formatted);
		assert_string_equal(formatted, text);
	}
}

/* The maximum counts distinct addresses; an invalid one is reported first. */
static void duplicates_are_not_counted(void **state)
{
	static char text[3 * 1000 * 16];
	size_t length = write_addresses(text, 1000);
	char parse_error[256];
	struct address_list list;

	(void)state;
	text[length++] = ',';
	length += write_addresses(text + length, 1000);
	assert_int_equal(parse(&list, text, length, 1000, parse_error), 0);
	assert_int_equal(list.count, 1000);
	length += sprintf(text + length, ",10.0.0.x");
	assert_int_equal(parse(&list, text, length, 10, parse_error), -EINVAL);
	assert_non_null(strstr(parse_error, "'10.0.0.x'"));
}

/* Each of the four octets; the others are in the middle of the range. */
static void every_octet_is_read(void **state)
{
	(void)state;
	for (int place = 0; place < 4; place++)
		for (int value = 0; value < 400; value++) {
			int octets[4] = {100, 101, 102, 103};
			char text[32], parse_error[256], formatted[32];
			struct address_list list;
			int error, length;
			bool good;

			octets[place] = value;
			length = sprintf(text, "%d.%d.%d.%d", octets[0], octets[1], octets[2],
			                 octets[3]);
			good = value < 256 && (place || (value && (value < 224 || value > 239)));
			error = parse(&list, text, length, 1, parse_error);
			if (!!error == good)
				fail_msg("'%s': %s", text, parse_error);
			if (error)
				continue;
			format(&list, formatted);
			assert_string_equal(formatted, text);
		}
}

/* Replaces each character of a valid text by every byte. An accepted text must equal its formatted
 * result, so a byte can only stand for itself. */
static void no_byte_stands_for_another(void **state)
{
	static const char text[] = "12.30.4.215,9.8.7.6";
	int taken = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		for (int byte = 0; byte < 256; byte++) {
			char changed[sizeof(text)], formatted[64], parse_error[256];
			struct address_list list;

			memcpy(changed, text, sizeof(text));
			changed[i] = byte;
			if (parse(&list, changed, sizeof(text) - 1, 2, parse_error))
				continue;
			format(&list, formatted);
			assert_string_equal(formatted, changed);
			taken++;
		}
	assert_in_range(taken, 100, 200);
}

static void ten_megabytes(void **state, const char *piece, __u32 max_addresses, const char *about)
{
	size_t piece_length = strlen(piece), length = 0;
	struct timespec began, ended;
	char *text = malloc(TEN_MB), parse_error[256];
	struct address_list list;
	int error;

	(void)state;
	for (; length + piece_length <= TEN_MB; length += piece_length)
		memcpy(text + length, piece, piece_length);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
	error = parse(&list, text, length - (piece[piece_length - 1] == ',' && !about),
	              max_addresses, parse_error);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
	free(text);
	if (!error != !about || (about && !strstr(parse_error, about)))
		fail_msg("10 MB of '%s': %s", piece, parse_error);
	/* under the sanitizers; quadratic time would take hours */
	assert_true(ended.tv_sec - began.tv_sec < 20);
}

static void ten_megabytes_are_read(void **state)
{
	ten_megabytes(state, "192.0.2.1,", 1, NULL);
	ten_megabytes(state, "192.0.2.1,192.0.2.2,192.0.2.3,", 3, NULL);
	ten_megabytes(state, "192.0.2.1,192.0.2.2,192.0.2.3,", 2, "missing");
	ten_megabytes(state, ",", 10, "address ''");
	ten_megabytes(state, "1", 10, "111...'");
	ten_megabytes(state, "1.", 10, "1.1....'");
	ten_megabytes(state, "0", 10, "000...'");
	ten_megabytes(state, ":", 10, "IPv6");
	ten_megabytes(state, " ", 10, "spaces");
}

static void ten_megabytes_of_addresses_end_early(void **state)
{
	char *text = malloc(TEN_MB), parse_error[256];
	size_t length = write_addresses(text, 700000);
	struct address_list list;

	(void)state;
	assert_in_range(length, TEN_MB * 8 / 10, TEN_MB);
	assert_int_equal(parse(&list, text, length, 1000, parse_error), -EINVAL);
	assert_string_equal(parse_error, "more than 1000 addresses, at most 1000 in one request; "
	                                 "'10.0.3.232' is the first one too many");
	free(text);
}

static void ten_megabytes_of_nul_are_refused(void **state)
{
	char *text = calloc(1, TEN_MB), parse_error[256];
	struct address_list list;

	(void)state;
	assert_int_equal(parse(&list, text, TEN_MB, 10, parse_error), -EINVAL);
	assert_non_null(strstr(parse_error, "???...'"));
	free(text);
}

static void a_small_message_buffer_is_respected(void **state)
{
	char parse_error[8] = "1234567";
	struct address_list list;

	(void)state;
	assert_int_equal(address_list_parse(&list, "x", 1, 1, parse_error, 4), -EINVAL);
	assert_string_equal(parse_error, "add");
	assert_string_equal(parse_error + 4, "567");
	assert_int_equal(address_list_parse(&list, "1.1.1.1,1.1.1.2", 15, 1, parse_error, 4),
	                 -EINVAL);
	assert_string_equal(parse_error, "2 a");
	assert_string_equal(parse_error + 4, "567");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts_are_read),
		cmocka_unit_test(bad_texts_are_refused),
		cmocka_unit_test(no_text_at_all_is_refused),
		cmocka_unit_test(the_addresses_are_counted),
		cmocka_unit_test(duplicates_are_not_counted),
		cmocka_unit_test(every_octet_is_read),
		cmocka_unit_test(no_byte_stands_for_another),
		cmocka_unit_test(ten_megabytes_are_read),
		cmocka_unit_test(ten_megabytes_of_addresses_end_early),
		cmocka_unit_test(ten_megabytes_of_nul_are_refused),
		cmocka_unit_test(a_small_message_buffer_is_respected),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
