// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/permits/token.c: tokens as printed, and the hashes that are stored. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "user/permits/token.h"

#define ID     "0123456789abcdef"
#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define TOKEN  "xrl_" ID "_" SECRET

/* Invalid tokens, each for one reason. */
static const char *const bad[] = {
	"",
	"xrl_",
	SECRET,
	"xrl_" ID "_",
	"xrl_" ID SECRET,
	"xrl_" ID "-" SECRET,
	"xrm_" ID "_" SECRET,
	"XRL_" ID "_" SECRET,
	TOKEN "0",
	TOKEN " ",
	" " TOKEN,
	"xrl_0123456789abcde_0" SECRET,
	"xrl_0123456789abcdeg_" SECRET,
	"xrl_0123456789ABCDEF_" SECRET,
	"xrl_" ID "_g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
	"xrl_" ID "_00112233445566778899aabbccddeeff00112233445566778899aabbccddeef\n",
};

static void the_id_is_extracted_from_a_token(void **state)
{
	char id[TOKEN_ID_SIZE];

	(void)state;
	assert_true(token_id(TOKEN, id));
	assert_string_equal(id, ID);
}

static void invalid_tokens_are_rejected(void **state)
{
	char id[TOKEN_ID_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (token_id(bad[i], id))
			fail_msg("'%s' was taken for a token", bad[i]);
}

static void new_tokens_are_valid_and_unique(void **state)
{
	char tokens[100][TOKEN_SIZE], id[TOKEN_ID_SIZE];

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(token_make(tokens[i]), 0);
		assert_true(token_id(tokens[i], id));
		for (int j = 0; j < i; j++) {
			/* neither half repeats */
			assert_memory_not_equal(tokens[i] + 4, tokens[j] + 4, 16);
			assert_memory_not_equal(tokens[i] + 21, tokens[j] + 21, 64);
		}
	}
}

/* Computed with sha256sum from the 64 digits. */
static void the_hash_is_a_sha256_of_the_secret_alone(void **state)
{
	static const __u8 expected[TOKEN_HASH_SIZE] = {
		0x2a, 0x8a, 0xbf, 0xa8, 0xcb, 0x99, 0x06, 0x29, 0x04, 0x37, 0x85,
		0x41, 0x93, 0xca, 0x6b, 0xca, 0x41, 0xd4, 0xd4, 0xe2, 0x6d, 0x1d,
		0x45, 0x4b, 0xd6, 0x6a, 0x35, 0x15, 0x80, 0x95, 0xe7, 0x37,
	};
	__u8 hash[TOKEN_HASH_SIZE];

	(void)state;
	token_hash(TOKEN, hash);
	assert_memory_equal(hash, expected, sizeof(expected));
	token_hash("xrl_ffffffffffffffff_" SECRET, hash);
	assert_memory_equal(hash, expected, sizeof(expected));
}

static void hashes_that_differ_in_any_bit_are_not_the_same(void **state)
{
	__u8 one[TOKEN_HASH_SIZE], other[TOKEN_HASH_SIZE];

	(void)state;
	token_hash(TOKEN, one);
	memcpy(other, one, sizeof(one));
	assert_true(token_hash_is(one, other));
	for (int bit = 0; bit < TOKEN_HASH_SIZE * 8; bit++) {
		other[bit / 8] ^= 1 << bit % 8;
		assert_false(token_hash_is(one, other));
		other[bit / 8] ^= 1 << bit % 8;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_id_is_extracted_from_a_token),
		cmocka_unit_test(invalid_tokens_are_rejected),
		cmocka_unit_test(new_tokens_are_valid_and_unique),
		cmocka_unit_test(the_hash_is_a_sha256_of_the_secret_alone),
		cmocka_unit_test(hashes_that_differ_in_any_bit_are_not_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
