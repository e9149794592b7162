// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* bpf/gate/resident_bits.h: the residents filter, a Bloom filter per set and epoch. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/random.h"
#include "bpf/gate/hash.h"
#include "bpf/gate/resident_bits.h"

#define TRIES 200000
#define SETS  4096

static void at_most_4_of_60_bits(void **state)
{
	__u64 any = 0;

	(void)state;
	for (int i = 0; i < TRIES; i++) {
		__u64 bits = xrl_resident_bits(random64());

		assert_in_range(__builtin_popcountll(bits), 1, 4);
		any |= bits;
	}
	assert_true(any == (1ULL << XRL_RESIDENT_BITS) - 1);
}

static void add_resident(struct xrl_gate_line *set, __u32 epoch, __u64 bits)
{
	assert_true(xrl_try_add_resident(set, epoch, bits));
}

static void empty_filter_matches_nothing(void **state)
{
	struct xrl_gate_line set = {};

	(void)state;
	for (__u32 epoch = 0; epoch < 40; epoch++)
		assert_false(xrl_is_resident(&set, epoch, xrl_resident_bits(epoch)));
}

/* A resident matches in the epoch in which it was added and in the next two, but in none of the 13
 * after these, although the epoch number has only 4 bits. */
static void resident_expires_after_three_epochs(void **state)
{
	(void)state;
	for (__u32 epoch = 0; epoch < 100; epoch++) {
		__u64 bits = xrl_resident_bits(epoch * 7919);
		struct xrl_gate_line set = {};

		add_resident(&set, epoch, bits);
		for (__u32 later = 0; later < 16; later++)
			assert_int_equal(xrl_is_resident(&set, epoch + later, bits), later == 0 ? 1
			                                                             : later < 3
			                                                                     ? 2
			                                                                     : 0);
	}
}

static void remarked_resident_never_expires(void **state)
{
	struct xrl_gate_line set = {};
	__u64 bits = xrl_resident_bits(1), others = 0;

	(void)state;
	add_resident(&set, 0, bits);
	for (__u32 epoch = 0; epoch < 100; epoch++) {
		assert_true(xrl_is_resident(&set, epoch, bits));
		add_resident(&set, epoch, bits);
		others = xrl_resident_bits(epoch + 1000);
		add_resident(&set, epoch, others);
		assert_true(xrl_is_resident(&set, epoch, others));
	}
}

/* The word of an epoch is reused by the third epoch after it, without the old bits. */
static void stale_word_is_overwritten(void **state)
{
	struct xrl_gate_line set = {};
	__u64 bits[3] = {};

	(void)state;
	for (__u32 epoch = ~0u - 41, i = 0; epoch != ~0u; epoch++, i++) {
		bits[i % 3] = xrl_resident_bits(epoch * 31);
		add_resident(&set, epoch, bits[i % 3]);
		for (__u32 ago = 0; ago < 3 && ago <= i; ago++)
			assert_true(
				xrl_resident_in(xrl_resident_read(
							&set.known[xrl_resident_slot(epoch - ago)]),
			                        epoch - ago) == bits[(i - ago) % 3]);
	}
}

static void epochs_are_matched_separately(void **state)
{
	struct xrl_gate_line set = {};

	(void)state;
	add_resident(&set, 4, 1);
	add_resident(&set, 5, 2);
	assert_true(xrl_is_resident(&set, 5, 1) && xrl_is_resident(&set, 5, 2));
	add_resident(&set, 6, 4);
	assert_false(xrl_is_resident(&set, 6, 3) || xrl_is_resident(&set, 6, 5) ||
	             xrl_is_resident(&set, 6, 6) || xrl_maybe_resident(&set, 7));
}

/* The quick check, which rejects most new sources, is never wrong when it says no. */
static void quick_check_has_no_false_negatives(void **state)
{
	struct xrl_gate_line set = {};

	(void)state;
	for (__u32 i = 0; i < TRIES; i++) {
		__u64 bits = xrl_resident_bits(random64());

		add_resident(&set, i / 100, bits);
		assert_true(xrl_maybe_resident(&set, bits));
		bits = xrl_resident_bits(random64());
		if (xrl_is_resident(&set, i / 100, bits))
			assert_true(xrl_maybe_resident(&set, bits));
	}
}

/* With all three epochs full, each with half as many residents as there are buckets: one in 50, as
 * bpf/gate/resident_bits.h says. */
static void false_positive_rate_is_bounded(void **state)
{
	static struct xrl_gate_line sets[SETS];
	__u32 looked = 1000000, known = 0;

	(void)state;
	for (__u32 i = 0; i < 3 * SETS * XRL_BUCKETS_PER_SET / 2; i++)
		add_resident(&sets[random_below(SETS)], 5 + i % 3, xrl_resident_bits(random64()));
	for (__u32 i = 0; i < looked; i++) {
		__u64 bits = xrl_resident_bits(random64());

		known += xrl_maybe_resident(&sets[random_below(SETS)], bits);
	}
	assert_in_range(known, 1, looked / 47);
}

/* The epoch began in tick 1000, the last refresh was in tick 1000 + `before`, and the current one
 * is in tick 1000 + `now`. The result must be the same across a wraparound of the ticks. */
static int is_due(__s32 before, __s32 now)
{
	int due = xrl_is_readd_due(1000 + before, 1000 + now, 1000);

	assert_int_equal(xrl_is_readd_due(before - 1000, now - 1000, -1000), due);
	return due;
}

static void mark_is_due_once_an_epoch(void **state)
{
	(void)state;
	assert_true(is_due(-500, 1));
	assert_true(is_due(-1, 1));
	assert_true(is_due(0, 1));
	assert_false(is_due(1, 2));
	assert_false(is_due(1, 900)); /* both ticks are in one interval of 2^11 */
	assert_false(is_due(-1, -1));
}

static void mark_is_due_after_an_interval_anyway(void **state)
{
	(void)state;
	for (__u32 before = 5001; before < 20000; before += 7)
		assert_true(xrl_is_readd_due(before, before + (1 << XRL_READD_SHIFT), 5000));
	assert_true(xrl_is_readd_due(0, 20000, 5000));
	assert_true(xrl_is_readd_due(0, 0x90000000, 0x8FFFFFFF));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_most_4_of_60_bits),
		cmocka_unit_test(empty_filter_matches_nothing),
		cmocka_unit_test(resident_expires_after_three_epochs),
		cmocka_unit_test(remarked_resident_never_expires),
		cmocka_unit_test(stale_word_is_overwritten),
		cmocka_unit_test(epochs_are_matched_separately),
		cmocka_unit_test(quick_check_has_no_false_negatives),
		cmocka_unit_test(false_positive_rate_is_bounded),
		cmocka_unit_test(mark_is_due_once_an_epoch),
		cmocka_unit_test(mark_is_due_after_an_interval_anyway),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
