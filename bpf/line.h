/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The line of a source in the map `gate`, and its word there while it has no bucket. gate.h has the
 * picture. */

#include "algorithm.h"
#include "maps.h"
#include "newcomer.h"

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

static __always_inline int is_word_of(xrl_word word, __u32 hash)
{
	return word && xrl_tag(word) == xrl_tag(hash);
}

/* Its own, or the one that is most readily given up: the highest rank. Without a branch, for the
 * processor, which would guess wrong, and for the verifier, which would follow each of them. */
static __always_inline __u32 find_newcomer(const struct xrl_gate_line *line, __u32 hash,
                                           __u32 ticks, __u32 kept_ticks)
{
	__u64 best = 0;

	XRL_UNROLL
	for (__u32 i = 0; i < XRL_GATE_WAYS; i++) {
		xrl_word word = *(const volatile xrl_word *)&line->newcomers[i];
		__u64 is_own = (xrl_is_not_0(xrl_tag(word ^ hash)) ^ 1) & xrl_is_not_0(word);
		__u64 rank = (is_own << 19 | xrl_newcomer_rank(word, ticks, kept_ticks)) << 3 | i;
		__u64 over = rank - best, is_less = (__s64)over >> 63;

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

#define TAKE_NEWCOMER_ATTEMPTS 3

/* Takes the word of a source away, whose bucket shall say it from now on: what of it has passed,
 * the upper part, or 0. */
XRL_SUBPROGRAM __u64 take_newcomer(const struct xrl_address *source)
{
	struct xrl_gate_line *line;
	struct xrl_newcomer *place;
	struct xrl_address key;
	__u32 hash;

	if (!source)
		return 0;
	key = *source;
	hash = gate_hash(&key);
	line = gate_line(hash);
	if (!line)
		return 0;
	place = newcomer_place(line, find_newcomer(line, hash, 0, 0));
	XRL_UNROLL
	for (int i = 0; i < TAKE_NEWCOMER_ATTEMPTS; i++) {
		xrl_word word = *(const volatile xrl_word *)place;

		if (!is_word_of(word, hash))
			return 0;
		if (swap_newcomer(place, word, 0))
			return xrl_passed_packets(word) ? word & ~((1ULL << XRL_TAG_BITS) - 1) : 0;
	}
	return 0;
}
