/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The line of a source in the map `gate`, and its word there while it has no bucket. gate.h has the
 * picture. */

#include "bpf/limit/algorithm.h"
#include "bpf/maps.h"
#include "bpf/gate/newcomer.h"

static __always_inline __u32 gate_hash(const struct xrl_address *source)
{
	__u32 address;

	__builtin_memcpy(&address, source, sizeof(address));
	return xrl_gate_hash(address, flood.hash_key);
}

static __always_inline struct xrl_gate_line *gate_line(__u32 hash)
{
	__u32 number = xrl_gate_line_of(hash, flood.lines);

	return bpf_map_lookup_elem(&gate, &number);
}

static __always_inline __u32 gate_identity(__u32 hash)
{
	return xrl_identity(hash, *(const volatile __u32 *)&flood.era);
}

static __always_inline xrl_word newcomer_read(const struct xrl_newcomer *place)
{
	return *(const volatile xrl_word *)place;
}

/* Its own, of several the last one, or else the one that is most readily given up: the highest
 * rank. Without a branch, for the processor, which would guess wrong, and for the verifier, which
 * would follow each of them. */
static __always_inline __u32 find_newcomer(const struct xrl_gate_line *line, __u32 identity,
                                           __u32 ticks, __u32 kept_ticks)
{
	__u64 best = 0;

	XRL_UNROLL
	for (__u32 i = 0; i < XRL_GATE_WAYS; i++) {
		xrl_word word = newcomer_read(&line->newcomers[i]);
		__u64 is_own = xrl_is_its(word, identity);
		__u64 rank = xrl_newcomer_rank(word, ticks, kept_ticks, identity) & (is_own - 1);
		__u64 place = (is_own << 19 | rank) << 3 | i;
		__u64 over = place - best, is_less = (__s64)over >> 63;

		asm volatile("" : "+r"(is_less));
		best += over & ~is_less;
	}
	return best & 7;
}

static __always_inline int swap_newcomer(struct xrl_newcomer *place, xrl_word from, xrl_word to)
{
	return __sync_val_compare_and_swap((xrl_word *)place, from, to) == from;
}

static __always_inline struct xrl_newcomer *newcomer_place(struct xrl_gate_line *line, __u32 number)
{
	asm volatile("" : "+r"(number));
	return &line->newcomers[number < XRL_GATE_WAYS ? number : 0];
}

/* Two CPUs may have found different places for a source that both have just seen for the first
 * time. Whoever sees that after having written its own takes that back; perhaps both do. */
static __always_inline int has_other_word(const struct xrl_gate_line *line, __u32 identity,
                                          __u32 number)
{
	__u64 places = 0;

	XRL_UNROLL
	for (__u32 i = 0; i < XRL_GATE_WAYS; i++)
		places |= xrl_is_its(newcomer_read(&line->newcomers[i]), identity) << i;
	return (places & ~(1ULL << number)) != 0;
}

/* The word of a source, if it has one. */
static __always_inline struct xrl_newcomer *own_newcomer(const struct xrl_address *source,
                                                         __u32 *identity)
{
	__u32 hash = gate_hash(source);
	struct xrl_gate_line *line = gate_line(hash);

	if (!line)
		return NULL;
	*identity = gate_identity(hash);
	return newcomer_place(line, find_newcomer(line, *identity, 0, 0));
}

/* What has passed of it, the upper part, or 0. */
static __always_inline __u64 passed_before(xrl_word word, __u32 identity)
{
	return xrl_is_newcomer(word, identity) && xrl_passed_packets(word)
	               ? word & ~0ULL << XRL_IDENTITY_BITS
	               : 0;
}

XRL_SUBPROGRAM __u64 read_newcomer(const struct xrl_address *source)
{
	struct xrl_newcomer *place;
	__u32 identity;

	if (!source)
		return 0;
	place = own_newcomer(source, &identity);
	return place ? passed_before(newcomer_read(place), identity) : 0;
}

#define OWN_NEWCOMER_ATTEMPTS 3

/* The same, and it changes the word. A packet that would have added `passing` didn't pass after
 * all: that is taken back. 0: a bucket says it from now on, and the word no more than that it came.
 */
XRL_SUBPROGRAM __u64 change_newcomer(const struct xrl_address *source, __u64 passing)
{
	struct xrl_newcomer *place;
	__u32 identity;

	if (!source)
		return 0;
	place = own_newcomer(source, &identity);
	if (!place)
		return 0;
	XRL_UNROLL
	for (int i = 0; i < OWN_NEWCOMER_ATTEMPTS; i++) {
		xrl_word word = newcomer_read(place);
		xrl_word next = passing ? word - passing : xrl_newcomer_settled(word);
		__u64 passed = passed_before(word, identity);

		if (!passed || swap_newcomer(place, word, next))
			return passed;
	}
	return 0;
}

static __always_inline __u64 settle_newcomer(const struct xrl_address *source)
{
	return change_newcomer(source, 0);
}

static __always_inline void take_back_newcomer(const struct xrl_address *source, __u64 passing)
{
	change_newcomer(source, passing);
}
