// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* bpf/gate/hash.h and candidate.h: the place of a source in the gate, and its candidate entry. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/random.h"
#include "bpf/gate/candidate.h"

#define SLICE            (1u << 24)
#define TRIES            200000
#define LARGEST_FRAME    (1u << 19) /* in bytes, merged segments */
#define LARGEST_BYTES_64 (LARGEST_FRAME / 64)
#define TICKS_MODULUS    0x10000u

/* The minimum, the default, the maximum, and some that are not powers of two. */
static const __u32 set_counts[] = {
	XRL_MIN_GATE_SETS, 16385, 20000, 50001, 65535, 131072, 1000003, 16777216,
};

#define SET_COUNTS (sizeof(set_counts) / sizeof(set_counts[0]))

static __u32 undo_xorshift(__u32 bits, int shift)
{
	__u32 undone = bits;

	for (int known = shift; known < 32; known += shift)
		undone = bits ^ undone >> shift;
	return undone;
}

/* Each of Newton's steps doubles the number of correct bits. */
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

static void hash_is_invertible(void **state)
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

/* Checked without the inverse, for all addresses of a /8. */
static void hash_is_injective_over_a_slash_8(void **state)
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

static void keys_permute_independently(void **state)
{
	__u32 same = 0;

	(void)state;
	for (int i = 0; i < TRIES; i++) {
		__u32 address = random64();
		__u64 key = random64(), other = random64();

		same += xrl_gate_set_of(xrl_gate_hash(address, key), 4096) ==
		        xrl_gate_set_of(xrl_gate_hash(address, other), 4096);
	}
	assert_in_range(same, 1, TRIES / 4096 * 2);
}

static void set_index_is_in_range(void **state)
{
	(void)state;
	for (size_t i = 0; i < SET_COUNTS; i++) {
		assert_int_equal(xrl_gate_set_of(0, set_counts[i]), 0);
		assert_int_equal(xrl_gate_set_of(~0u, set_counts[i]), set_counts[i] - 1);
	}
}

/* The hashes of a set are consecutive, and no more than there are tags. */
static void set_and_tag_identify_the_address(void **state)
{
	(void)state;
	for (size_t i = 0; i < SET_COUNTS; i++) {
		__u32 sets = set_counts[i];

		for (int try = 0; try < TRIES; try++) {
			__u32 hash = random64(), set = xrl_gate_set_of(hash, sets);
			__u64 first = (((__u64)set << 32) + sets - 1) / sets;
			__u64 next = (((__u64)(set + 1) << 32) + sets - 1) / sets;
			__u32 found = (__u32)first + ((xrl_hash_tag(hash) - first) &
			                              ((1u << XRL_HASH_TAG_BITS) - 1));

			assert_in_range(hash, first, next - 1);
			assert_true(next - first <= 1u << XRL_HASH_TAG_BITS);
			assert_int_equal(found, hash);
		}
	}
}

static void minimum_sets_fit_the_tag(void **state)
{
	(void)state;
	assert_true((1ULL << 32) / XRL_MIN_GATE_SETS <= 1u << XRL_HASH_TAG_BITS);
}

static void bit_fields_match_the_header(void **state)
{
	xrl_packed word = xrl_candidate_new(xrl_candidate_tag(0xABCDEF01u, 6), 0xFEDC);
	struct xrl_newcomer entry;

	(void)state;
	word = xrl_candidate_hit(word) + xrl_admission(24, 1, 0);
	memcpy(&entry, &word, sizeof(entry));
	assert_int_equal(entry.tag, 0x1EF01);
	assert_int_equal(entry.era, 2);
	assert_int_equal(entry.seen_packets, 2);
	assert_int_equal(entry.packets, 1);
	assert_int_equal(entry.connections, 1);
	assert_int_equal(entry.http_requests, 0);
	assert_int_equal(entry.bytes_64, 24);
	assert_int_equal(entry.first_ticks, 0xFEDC);
	assert_int_equal(xrl_admitted_units(word, XRL_PACKETS), 1);
	assert_int_equal(xrl_admitted_units(word, XRL_BYTES), 24 * 64);
	assert_int_equal(xrl_admitted_units(word, XRL_CONNECTIONS), 1);
	assert_int_equal(xrl_admitted_units(word, XRL_HTTP_REQUESTS), 0);
}

static void largest_packets_do_not_overflow(void **state)
{
	xrl_packed word = xrl_candidate_new(0, 0);
	struct xrl_newcomer entry;

	(void)state;
	for (int i = 0; i < XRL_GATE_FEW; i++)
		word = word + xrl_admission(LARGEST_BYTES_64, 1, 1);
	for (int i = 0; i < 100; i++)
		word = xrl_candidate_hit(word);
	memcpy(&entry, &word, sizeof(entry));
	assert_int_equal(entry.tag, 0);
	assert_int_equal(entry.seen_packets, XRL_MAX_HITS);
	assert_int_equal(entry.packets, XRL_GATE_FEW);
	assert_int_equal(entry.connections, XRL_GATE_FEW);
	assert_int_equal(entry.http_requests, XRL_GATE_FEW);
	assert_int_equal(entry.bytes_64, XRL_GATE_FEW * LARGEST_BYTES_64);
	assert_int_equal(entry.first_ticks, 0);
}

static void new_entry_is_never_zero(void **state)
{
	(void)state;
	assert_true(xrl_candidate_new(0, 0));
	for (int i = 0; i < TRIES; i++) {
		__u32 hash = random64();
		xrl_packed word = xrl_candidate_new(xrl_candidate_tag(hash, random64()),
		                                    random_below(TICKS_MODULUS));

		assert_int_equal(xrl_hash_tag(word), xrl_hash_tag(hash));
		assert_int_equal(xrl_candidate_hits(word), 1);
		assert_int_equal(xrl_admitted_packets(word), 0);
	}
}

static xrl_packed entry_seen_at(__u32 ticks, int often)
{
	xrl_packed word = xrl_candidate_new(xrl_candidate_tag(0x12345, 1), ticks);

	while (--often > 0)
		word = xrl_candidate_hit(word);
	return word;
}

#define RETENTION_TICKS 100

static __u64 rank(xrl_packed word, __u32 ticks)
{
	return xrl_eviction_rank(word, ticks, RETENTION_TICKS, xrl_candidate_tag(0, 1));
}

static void empty_way_is_the_first_victim(void **state)
{
	(void)state;
	for (__u32 age = 0; age < TICKS_MODULUS; age++)
		for (int often = 1; often < 3; often++)
			assert_true(rank(0, 9) > rank(entry_seen_at((9 - age) & 0xFFFF, often), 9));
}

/* At any tick, including a wraparound. */
static void older_entry_is_evicted_first(void **state)
{
	(void)state;
	for (__u32 ticks = 0; ticks < TICKS_MODULUS; ticks += 4093)
		for (__u32 age = 0; age < TICKS_MODULUS - 1; age++)
			assert_true(rank(entry_seen_at((ticks - age - 1) & 0xFFFF, 1), ticks) >
			            rank(entry_seen_at((ticks - age) & 0xFFFF, 1), ticks));
}

static void repeated_source_is_evicted_last(void **state)
{
	(void)state;
	for (__u32 ticks = 0; ticks < TICKS_MODULUS; ticks += 4093)
		for (__u32 age = 0; age < 15; age++) {
			__u32 first = (ticks - age) & 0xFFFF;
			xrl_packed passed = entry_seen_at(first, 1) + xrl_admission(1, 0, 0);

			assert_true(rank(entry_seen_at(first, 2), ticks) <
			            rank(entry_seen_at(ticks, 1), ticks));
			assert_true(rank(passed, ticks) < rank(entry_seen_at(ticks, 1), ticks));
		}
	/* a repeated source counts as sixteen times younger, but it is not kept forever */
	assert_true(rank(entry_seen_at(0, 7), 160) > rank(entry_seen_at(155, 1), 160));
}

/* Connections, requests, bytes and the tag do not matter. */
static void rank_depends_on_age_and_repetition_only(void **state)
{
	(void)state;
	for (int i = 0; i < TRIES; i++) {
		__u32 ticks = random_below(TICKS_MODULUS), first = random_below(TICKS_MODULUS);
		int often = 1 + random_below(9);
		xrl_packed word = xrl_candidate_new(xrl_candidate_tag(random64(), 1), first);

		for (int j = 1; j < often; j++)
			word = xrl_candidate_hit(word);
		assert_true(rank(word, ticks) ==
		            rank(entry_seen_at(first, often > 1 ? 2 : 1), ticks));
		assert_int_equal(xrl_candidate_age(word, ticks), (ticks - first) & 0xFFFF);
		assert_true(rank(word, ticks) < 1 << 19);
	}
}

/* At any age within the retention time, an admitted entry is kept longer than any other; among
 * admitted ones, the oldest is evicted first. */
static void admitted_entries_are_kept(void **state)
{
	(void)state;
	for (__u32 ticks = 0; ticks < TICKS_MODULUS; ticks += 61)
		for (__u32 age = 0; age < RETENTION_TICKS; age++) {
			__u32 first = (ticks - age) & 0xFFFF;
			xrl_packed passed = entry_seen_at(first, 1) + xrl_admission(1, 0, 0);
			xrl_packed old = entry_seen_at((ticks - RETENTION_TICKS) & 0xFFFF, 1) +
			                 xrl_admission(1, 0, 0);

			assert_true(rank(passed, ticks) < rank(entry_seen_at(ticks, 1), ticks));
			assert_true(rank(passed, ticks) < rank(entry_seen_at(first, 7), ticks));
			assert_true(rank(passed, ticks) < rank(old, ticks));
		}
}

/* Entries of another flood are evicted as readily as empty ones; flood ids cycle through three
 * values. */
static void entries_of_another_flood_never_match(void **state)
{
	(void)state;
	for (__u32 i = 0, era = 1; i < 100; i++, era = xrl_next_era(era)) {
		__u32 hash = random64(), ticks = random_below(TICKS_MODULUS);
		xrl_packed word = xrl_candidate_new(xrl_candidate_tag(hash, era), ticks) +
		                  xrl_admission(1, 0, 0);

		assert_true(xrl_has_tag(word, xrl_candidate_tag(hash, era)));
		assert_false(xrl_has_tag(word, xrl_candidate_tag(hash ^ 1, era)));
		assert_true(era);
		assert_false(xrl_has_tag(0, xrl_candidate_tag(0, era)));
		for (__u32 other = 0; other < 4; other++) {
			__u32 tag = xrl_candidate_tag(hash, other);

			if (other == era)
				continue;
			assert_false(xrl_has_tag(word, tag));
			assert_true(xrl_eviction_rank(word, ticks, RETENTION_TICKS, tag) >=
			            1 << 18);
		}
	}
}

static void units_admitted_since_are_reported(void **state)
{
	__u32 tag = xrl_candidate_tag(7, 1);
	xrl_packed before = xrl_candidate_new(tag, 9) + xrl_admission(2, 1, 0);
	xrl_packed later = xrl_candidate_hit(before) + xrl_admission(3, 0, 1);
	xrl_packed replaced = xrl_candidate_new(tag, 10) + xrl_admission(1, 0, 0);

	(void)state;
	assert_int_equal(xrl_admitted_packets(xrl_admitted_since(later, before)), 1);
	assert_int_equal(xrl_admitted_units(xrl_admitted_since(later, before), XRL_BYTES), 3 * 64);
	assert_int_equal(xrl_admitted_units(xrl_admitted_since(later, before), XRL_CONNECTIONS), 0);
	assert_int_equal(xrl_admitted_packets(xrl_admitted_since(later, 0)), 2);
	assert_int_equal(xrl_admitted_packets(xrl_admitted_since(before, before)), 0);
	assert_int_equal(xrl_admitted_packets(xrl_admitted_since(before, later)), 0);
	assert_int_equal(xrl_admitted_packets(xrl_admitted_since(replaced, later)), 1);
}

static void closed_entry_keeps_only_the_source(void **state)
{
	(void)state;
	for (int i = 0; i < TRIES; i++) {
		__u32 tag = xrl_candidate_tag(random64(), i), ticks = random_below(TICKS_MODULUS);
		xrl_packed word = xrl_candidate_new(tag, ticks) + xrl_admission(9, 1, 1);
		xrl_packed closed = xrl_candidate_closed(word);

		assert_true(xrl_has_tag(closed, tag));
		assert_int_equal(xrl_candidate_hits(closed), XRL_MAX_HITS);
		assert_int_equal(xrl_candidate_age(closed, ticks), 0);
		for (__u32 unit = 0; unit < XRL_UNITS; unit++)
			assert_int_equal(xrl_admitted_units(closed, unit), 0);
	}
}

static void gate_tick_is_32_jiffies(void **state)
{
	(void)state;
	assert_int_equal(xrl_gate_ticks(31), 0);
	assert_int_equal(xrl_gate_ticks(32), 1);
	assert_int_equal(xrl_gate_ticks((TICKS_MODULUS << XRL_GATE_TICK_SHIFT) - 1), 0xFFFF);
	assert_int_equal(xrl_gate_ticks((__u64)TICKS_MODULUS << XRL_GATE_TICK_SHIFT), 0);
}

static void is_not_0_tells_zero_apart(void **state)
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
		cmocka_unit_test(hash_is_invertible),
		cmocka_unit_test(hash_is_injective_over_a_slash_8),
		cmocka_unit_test(keys_permute_independently),
		cmocka_unit_test(set_index_is_in_range),
		cmocka_unit_test(set_and_tag_identify_the_address),
		cmocka_unit_test(minimum_sets_fit_the_tag),
		cmocka_unit_test(bit_fields_match_the_header),
		cmocka_unit_test(largest_packets_do_not_overflow),
		cmocka_unit_test(new_entry_is_never_zero),
		cmocka_unit_test(empty_way_is_the_first_victim),
		cmocka_unit_test(older_entry_is_evicted_first),
		cmocka_unit_test(repeated_source_is_evicted_last),
		cmocka_unit_test(rank_depends_on_age_and_repetition_only),
		cmocka_unit_test(admitted_entries_are_kept),
		cmocka_unit_test(entries_of_another_flood_never_match),
		cmocka_unit_test(closed_entry_keeps_only_the_source),
		cmocka_unit_test(units_admitted_since_are_reported),
		cmocka_unit_test(gate_tick_is_32_jiffies),
		cmocka_unit_test(is_not_0_tells_zero_apart),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
