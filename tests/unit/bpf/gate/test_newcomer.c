// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* bpf/gate/newcomer.h: a line of the gate, whoever looks at it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/random.h"
#include "bpf/gate/newcomer.h"

#define SLICE          (1u << 24)
#define TRIES          200000
#define LARGEST_FRAME  (1u << 19) /* in bytes, merged segments */
#define LARGEST_UNITS  (LARGEST_FRAME / 64)
#define TICKS_GO_ROUND 0x10000u

/* The fewest, the default, the most, and some that are no powers of two. */
static const __u32 line_counts[] = {
	XRL_MIN_GATE_LINES, 16385, 20000, 50001, 65535, 131072, 1000003, 16777216,
};

#define LINE_COUNTS (sizeof(line_counts) / sizeof(line_counts[0]))

static __u32 undo_xorshift(__u32 bits, int shift)
{
	__u32 undone = bits;

	for (int known = shift; known < 32; known += shift)
		undone = bits ^ undone >> shift;
	return undone;
}

/* Newton's steps double the bits that are right. */
static __u32 inverse_of(__u32 odd)
{
	__u32 inverse = odd;

	for (int i = 0; i < 5; i++)
		inverse *= 2 - odd * inverse;
	return inverse;
}

static __u32 undo_hash(__u32 hash, __u64 key)
{
	__u32 bits = undo_xorshift(hash, 16) * inverse_of(0x846CA68Bu);

	bits = (undo_xorshift(bits, 15) ^ (__u32)(key >> 32)) * inverse_of(0x7FEB352Du);
	return undo_xorshift(bits, 16) ^ (__u32)key;
}

static void no_two_addresses_have_the_same_hash(void **state)
{
	static const __u64 keys[] = {0, 1, 0x5DEECE66D1234567ULL, ~0ULL};

	(void)state;
	for (int i = 0; i < 4; i++)
		for (__u32 low = 0; low < SLICE / 4; low++) {
			__u32 address = i * 0x3B9ACA07u + low;

			assert_int_equal(undo_hash(xrl_gate_hash(address, keys[i]), keys[i]),
			                 address);
		}
}

/* Without the inverse, and with all the addresses of a /8. */
static void no_address_of_a_slice_has_the_hash_of_another(void **state)
{
	__u8 *seen = calloc(1, 1u << 29);

	(void)state;
	assert_non_null(seen);
	for (__u32 low = 0; low < SLICE; low++) {
		__u32 hash = xrl_gate_hash(0x0A000000u + low, 0x9E3779B97F4A7C15ULL);

		assert_false(seen[hash >> 3] >> (hash & 7) & 1);
		seen[hash >> 3] |= 1 << (hash & 7);
	}
	free(seen);
}

static void another_key_is_another_order(void **state)
{
	__u32 same = 0;

	(void)state;
	for (int i = 0; i < TRIES; i++) {
		__u32 address = random64();
		__u64 key = random64(), other = random64();

		same += xrl_gate_line_of(xrl_gate_hash(address, key), 4096) ==
		        xrl_gate_line_of(xrl_gate_hash(address, other), 4096);
	}
	assert_in_range(same, 1, TRIES / 4096 * 2);
}

static void a_line_exists(void **state)
{
	(void)state;
	for (size_t i = 0; i < LINE_COUNTS; i++) {
		assert_int_equal(xrl_gate_line_of(0, line_counts[i]), 0);
		assert_int_equal(xrl_gate_line_of(~0u, line_counts[i]), line_counts[i] - 1);
	}
}

/* The hashes of a line follow each other, and are no more than there are tags. */
static void line_and_tag_are_the_address(void **state)
{
	(void)state;
	for (size_t i = 0; i < LINE_COUNTS; i++) {
		__u32 lines = line_counts[i];

		for (int try = 0; try < TRIES; try++) {
			__u32 hash = random64(), line = xrl_gate_line_of(hash, lines);
			__u64 first = (((__u64)line << 32) + lines - 1) / lines;
			__u64 next = (((__u64)(line + 1) << 32) + lines - 1) / lines;
			__u32 found = (__u32)first +
			              ((xrl_tag(hash) - first) & ((1u << XRL_TAG_BITS) - 1));

			assert_in_range(hash, first, next - 1);
			assert_true(next - first <= 1u << XRL_TAG_BITS);
			assert_int_equal(found, hash);
		}
	}
}

static void the_least_lines_are_enough_for_the_tag(void **state)
{
	(void)state;
	assert_true((1ULL << 32) / XRL_MIN_GATE_LINES <= 1u << XRL_TAG_BITS);
}

static void the_fields_are_where_the_header_says(void **state)
{
	xrl_word word = xrl_newcomer_first(xrl_identity(0xABCDEF01u, 6), 0xFEDC);
	struct xrl_newcomer newcomer;

	(void)state;
	word = xrl_newcomer_seen(word) + xrl_passing(24, 1, 0);
	memcpy(&newcomer, &word, sizeof(newcomer));
	assert_int_equal(newcomer.tag, 0x1EF01);
	assert_int_equal(newcomer.era, 2);
	assert_int_equal(newcomer.seen_packets, 2);
	assert_int_equal(newcomer.packets, 1);
	assert_int_equal(newcomer.connections, 1);
	assert_int_equal(newcomer.http_requests, 0);
	assert_int_equal(newcomer.bytes_64, 24);
	assert_int_equal(newcomer.first_ticks, 0xFEDC);
	assert_int_equal(xrl_passed_units(word, XRL_PACKETS), 1);
	assert_int_equal(xrl_passed_units(word, XRL_BYTES), 24 * 64);
	assert_int_equal(xrl_passed_units(word, XRL_CONNECTIONS), 1);
	assert_int_equal(xrl_passed_units(word, XRL_HTTP_REQUESTS), 0);
}

static void the_largest_packets_fit(void **state)
{
	xrl_word word = xrl_newcomer_first(0, 0);
	struct xrl_newcomer newcomer;

	(void)state;
	for (int i = 0; i < XRL_GATE_FEW; i++)
		word = word + xrl_passing(LARGEST_UNITS, 1, 1);
	for (int i = 0; i < 100; i++)
		word = xrl_newcomer_seen(word);
	memcpy(&newcomer, &word, sizeof(newcomer));
	assert_int_equal(newcomer.tag, 0);
	assert_int_equal(newcomer.seen_packets, XRL_MAX_SEEN);
	assert_int_equal(newcomer.packets, XRL_GATE_FEW);
	assert_int_equal(newcomer.connections, XRL_GATE_FEW);
	assert_int_equal(newcomer.http_requests, XRL_GATE_FEW);
	assert_int_equal(newcomer.bytes_64, XRL_GATE_FEW * LARGEST_UNITS);
	assert_int_equal(newcomer.first_ticks, 0);
}

static void a_newcomer_is_never_nothing(void **state)
{
	(void)state;
	assert_true(xrl_newcomer_first(0, 0));
	for (int i = 0; i < TRIES; i++) {
		__u32 hash = random64();
		xrl_word word = xrl_newcomer_first(xrl_identity(hash, random64()),
		                                   random_below(TICKS_GO_ROUND));

		assert_int_equal(xrl_tag(word), xrl_tag(hash));
		assert_int_equal(xrl_seen(word), 1);
		assert_int_equal(xrl_passed_packets(word), 0);
	}
}

static xrl_word seen_at(__u32 ticks, int often)
{
	xrl_word word = xrl_newcomer_first(xrl_identity(0x12345, 1), ticks);

	while (--often > 0)
		word = xrl_newcomer_seen(word);
	return word;
}

#define KEPT_TICKS 100

static __u64 rank(xrl_word word, __u32 ticks)
{
	return xrl_newcomer_rank(word, ticks, KEPT_TICKS, xrl_identity(0, 1));
}

static void an_empty_place_is_taken_first(void **state)
{
	(void)state;
	for (__u32 age = 0; age < TICKS_GO_ROUND; age++)
		for (int often = 1; often < 3; often++)
			assert_true(rank(0, 9) > rank(seen_at((9 - age) & 0xFFFF, often), 9));
}

/* At any time of the circle. */
static void the_older_one_goes_first(void **state)
{
	(void)state;
	for (__u32 ticks = 0; ticks < TICKS_GO_ROUND; ticks += 4093)
		for (__u32 age = 0; age < TICKS_GO_ROUND - 1; age++)
			assert_true(rank(seen_at((ticks - age - 1) & 0xFFFF, 1), ticks) >
			            rank(seen_at((ticks - age) & 0xFFFF, 1), ticks));
}

static void who_came_again_goes_last(void **state)
{
	(void)state;
	for (__u32 ticks = 0; ticks < TICKS_GO_ROUND; ticks += 4093)
		for (__u32 age = 0; age < 15; age++) {
			__u32 first = (ticks - age) & 0xFFFF;
			xrl_word passed = seen_at(first, 1) + xrl_passing(1, 0, 0);

			assert_true(rank(seen_at(first, 2), ticks) <
			            rank(seen_at(ticks, 1), ticks));
			assert_true(rank(passed, ticks) < rank(seen_at(ticks, 1), ticks));
		}
	/* sixteen times younger, and not for ever */
	assert_true(rank(seen_at(0, 7), 160) > rank(seen_at(155, 1), 160));
}

/* The connections, requests, bytes and the tag say nothing about it. */
static void only_time_and_coming_again_count(void **state)
{
	(void)state;
	for (int i = 0; i < TRIES; i++) {
		__u32 ticks = random_below(TICKS_GO_ROUND), first = random_below(TICKS_GO_ROUND);
		int often = 1 + random_below(9);
		xrl_word word = xrl_newcomer_first(xrl_identity(random64(), 1), first);

		for (int j = 1; j < often; j++)
			word = xrl_newcomer_seen(word);
		assert_true(rank(word, ticks) == rank(seen_at(first, often > 1 ? 2 : 1), ticks));
		assert_int_equal(xrl_newcomer_age(word, ticks), (ticks - first) & 0xFFFF);
		assert_true(rank(word, ticks) < 1 << 19);
	}
}

/* However old, before any of which nothing has; and of these, too, the oldest goes first. */
static void what_has_passed_is_kept(void **state)
{
	(void)state;
	for (__u32 ticks = 0; ticks < TICKS_GO_ROUND; ticks += 61)
		for (__u32 age = 0; age < KEPT_TICKS; age++) {
			__u32 first = (ticks - age) & 0xFFFF;
			xrl_word passed = seen_at(first, 1) + xrl_passing(1, 0, 0);
			xrl_word old =
				seen_at((ticks - KEPT_TICKS) & 0xFFFF, 1) + xrl_passing(1, 0, 0);

			assert_true(rank(passed, ticks) < rank(seen_at(ticks, 1), ticks));
			assert_true(rank(passed, ticks) < rank(seen_at(first, 7), ticks));
			assert_true(rank(passed, ticks) < rank(old, ticks));
		}
}

/* As readily as an empty one; the three eras go round. */
static void words_of_another_era_are_nobodys(void **state)
{
	(void)state;
	for (__u32 i = 0, era = 1; i < 100; i++, era = xrl_next_era(era)) {
		__u32 hash = random64(), ticks = random_below(TICKS_GO_ROUND);
		xrl_word word =
			xrl_newcomer_first(xrl_identity(hash, era), ticks) + xrl_passing(1, 0, 0);

		assert_true(xrl_is_newcomer(word, xrl_identity(hash, era)));
		assert_false(xrl_is_newcomer(word, xrl_identity(hash ^ 1, era)));
		assert_true(era);
		assert_false(xrl_is_newcomer(0, xrl_identity(0, era)));
		for (__u32 other = 0; other < 4; other++) {
			__u32 identity = xrl_identity(hash, other);

			if (other == era)
				continue;
			assert_false(xrl_is_newcomer(word, identity));
			assert_true(xrl_newcomer_rank(word, ticks, KEPT_TICKS, identity) >=
			            1 << 18);
		}
	}
}

static void what_passes_meanwhile_is_told(void **state)
{
	__u32 identity = xrl_identity(7, 1);
	xrl_word before = xrl_newcomer_first(identity, 9) + xrl_passing(2, 1, 0);
	xrl_word later = xrl_newcomer_seen(before) + xrl_passing(3, 0, 1);
	xrl_word anew = xrl_newcomer_first(identity, 10) + xrl_passing(1, 0, 0);

	(void)state;
	assert_int_equal(xrl_passed_packets(xrl_passed_since(later, before)), 1);
	assert_int_equal(xrl_passed_units(xrl_passed_since(later, before), XRL_BYTES), 3 * 64);
	assert_int_equal(xrl_passed_units(xrl_passed_since(later, before), XRL_CONNECTIONS), 0);
	assert_int_equal(xrl_passed_packets(xrl_passed_since(later, 0)), 2);
	assert_int_equal(xrl_passed_packets(xrl_passed_since(before, before)), 0);
	assert_int_equal(xrl_passed_packets(xrl_passed_since(before, later)), 0);
	assert_int_equal(xrl_passed_packets(xrl_passed_since(anew, later)), 1);
}

static void a_settled_word_says_that_it_came(void **state)
{
	(void)state;
	for (int i = 0; i < TRIES; i++) {
		__u32 identity = xrl_identity(random64(), i), ticks = random_below(TICKS_GO_ROUND);
		xrl_word word = xrl_newcomer_first(identity, ticks) + xrl_passing(9, 1, 1);
		xrl_word settled = xrl_newcomer_settled(word);

		assert_true(xrl_is_newcomer(settled, identity));
		assert_int_equal(xrl_seen(settled), XRL_MAX_SEEN);
		assert_int_equal(xrl_newcomer_age(settled, ticks), 0);
		for (__u32 unit = 0; unit < XRL_UNITS; unit++)
			assert_int_equal(xrl_passed_units(settled, unit), 0);
	}
}

static void ticks_are_of_32_jiffies(void **state)
{
	(void)state;
	assert_int_equal(xrl_gate_ticks(31), 0);
	assert_int_equal(xrl_gate_ticks(32), 1);
	assert_int_equal(xrl_gate_ticks((TICKS_GO_ROUND << XRL_GATE_TICK_SHIFT) - 1), 0xFFFF);
	assert_int_equal(xrl_gate_ticks((__u64)TICKS_GO_ROUND << XRL_GATE_TICK_SHIFT), 0);
}

static void zero_is_told_apart(void **state)
{
	(void)state;
	assert_int_equal(xrl_is_not_0(0), 0);
	for (int i = 0; i < 63; i++)
		assert_int_equal(xrl_is_not_0(1ULL << i), 1);
	assert_int_equal(xrl_is_not_0(~0ULL >> 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_two_addresses_have_the_same_hash),
		cmocka_unit_test(no_address_of_a_slice_has_the_hash_of_another),
		cmocka_unit_test(another_key_is_another_order),
		cmocka_unit_test(a_line_exists),
		cmocka_unit_test(line_and_tag_are_the_address),
		cmocka_unit_test(the_least_lines_are_enough_for_the_tag),
		cmocka_unit_test(the_fields_are_where_the_header_says),
		cmocka_unit_test(the_largest_packets_fit),
		cmocka_unit_test(a_newcomer_is_never_nothing),
		cmocka_unit_test(an_empty_place_is_taken_first),
		cmocka_unit_test(the_older_one_goes_first),
		cmocka_unit_test(who_came_again_goes_last),
		cmocka_unit_test(only_time_and_coming_again_count),
		cmocka_unit_test(what_has_passed_is_kept),
		cmocka_unit_test(words_of_another_era_are_nobodys),
		cmocka_unit_test(a_settled_word_says_that_it_came),
		cmocka_unit_test(what_passes_meanwhile_is_told),
		cmocka_unit_test(ticks_are_of_32_jiffies),
		cmocka_unit_test(zero_is_told_apart),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
