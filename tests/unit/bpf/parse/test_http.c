// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* bpf/parse/http.h against the list of methods as text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <linux/types.h>
#include <cmocka.h>

#include "tests/unit/random.h"
#include "bpf/parse/http.h"

static const char *const methods[] = {
	"GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "PATCH ", "OPTIONS ", "TRACE ", "CONNECT ",
};

#define METHODS (sizeof(methods) / sizeof(methods[0]))

static int is_method(const char *start)
{
	for (size_t i = 0; i < METHODS; i++)
		if (!strncmp(start, methods[i], strlen(methods[i])))
			return 1;
	return 0;
}

/* The first byte of the segment is the least significant. */
static __u64 word_of(const char *start)
{
	__u64 word = 0;

	for (int i = 0; i < HTTP_METHOD_BYTES; i++)
		word |= (__u64)(__u8)start[i] << 8 * i;
	return word;
}

static int begins(const char *start)
{
	return http_begins_request(word_of(start));
}

static void every_method_begins_a_request(void **state)
{
	(void)state;
	for (size_t i = 0; i < METHODS; i++) {
		char start[32];

		strcpy(start, methods[i]);
		strcat(start, "/ HTTP/1.1\r\n");
		assert_true(begins(start));
		for (int times = 0; times < 1000; times++) {
			for (size_t at = strlen(methods[i]); at < sizeof(start); at++)
				start[at] = random64();
			assert_true(begins(start));
		}
	}
}

static void near_misses_are_rejected(void **state)
{
	static const char *const others[] = {
		"GETX / H",
		"get / HT",
		"Get / HT",
		"GET\t/ HT",
		"GET\0/ HT",
		"GET/ HTT",
		" GET / H",
		"\r\nGET / ",
		"GE T / H",
		"POSTS / ",
		"POST\r\n..",
		"HEADER: ",
		"PUTS / H",
		"DELETED ",
		"DELETE/ ",
		"PATCHES ",
		"OPTION /",
		"OPTIONS/",
		"TRACER /",
		"CONNECT/",
		"CONNECTS",
		"HTTP/1.1",
		"SSH-2.0-",
		"PRI * HT",
		"EHLO a.b",
		"\x16\x03\x01\x02\x00\x01\x00\x01", /* TLS: ClientHello */
		"\x16\x03\x03\x00\x7A\x02\x00\x00", /* TLS: ServerHello */
		"\0\0\0\0\0\0\0\0",
		"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(begins(others[i]));
}

static void every_bit_matters(void **state)
{
	(void)state;
	for (size_t i = 0; i < METHODS; i++) {
		char start[HTTP_METHOD_BYTES + 1] = "        ";

		memcpy(start, methods[i], strlen(methods[i]));
		for (size_t bit = 0; bit < 8 * HTTP_METHOD_BYTES; bit++) {
			start[bit / 8] ^= 1 << bit % 8;
			assert_int_equal(begins(start), bit / 8 >= strlen(methods[i]));
			assert_int_equal(begins(start), is_method(start));
			start[bit / 8] ^= 1 << bit % 8;
		}
	}
}

/* Each byte of a method replaced by every other value. */
static void every_byte_matters(void **state)
{
	(void)state;
	for (size_t i = 0; i < METHODS; i++)
		for (size_t at = 0; at < strlen(methods[i]); at++)
			for (int byte = 0; byte < 256; byte++) {
				char start[HTTP_METHOD_BYTES + 1] = "/index.h";

				memcpy(start, methods[i], strlen(methods[i]));
				start[at] = byte;
				assert_int_equal(begins(start), is_method(start));
			}
}

static void random_bytes_match_the_list(void **state)
{
	(void)state;
	for (int i = 0; i < 2000000; i++) {
		char start[HTTP_METHOD_BYTES + 1] = "";
		__u64 noise = random64();

		memcpy(start, &noise, sizeof(noise));
		if (i % 2) {
			const char *method = methods[random_below(METHODS)];

			memcpy(start, method, random_below(strlen(method) + 1));
		}
		assert_int_equal(begins(start), is_method(start));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_method_begins_a_request),
		cmocka_unit_test(near_misses_are_rejected),
		cmocka_unit_test(every_bit_matters),
		cmocka_unit_test(every_byte_matters),
		cmocka_unit_test(random_bytes_match_the_list),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
