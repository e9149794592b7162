/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The set of a source in the map `gate`, and the source's candidate entry in it.
 * bpf/verdict/admit.h draws a set. */

#include "bpf/gate/candidate.h"
#include "bpf/gate/hash.h"
#include "bpf/limit/algorithm.h"
#include "bpf/maps.h"

static __always_inline __u32 gate_hash(const struct xrl_address *source)
{
	__u32 address;

	__builtin_memcpy(&address, source, sizeof(address));
	return xrl_gate_hash(address, flood.hash_key);
}

static __always_inline struct xrl_gate_line *gate_set(__u32 hash)
{
	__u32 number = xrl_gate_set_of(hash, flood.lines);

	return bpf_map_lookup_elem(&gate, &number);
}

static __always_inline __u32 gate_tag(__u32 hash)
{
	return xrl_candidate_tag(hash, *(const volatile __u32 *)&flood.era);
}

static __always_inline xrl_packed candidate_read(const struct xrl_newcomer *way)
{
	return *(const volatile xrl_packed *)way;
}

/* Returns the way that holds the source's entry, the last one if there are several, or else the
 * victim: the entry of the highest eviction rank. Without branches, which the processor would
 * mispredict and the verifier follow one by one. */
static __always_inline __u32 find_candidate(const struct xrl_gate_line *set, __u32 tag, __u32 ticks,
                                            __u32 kept_ticks)
{
	__u64 best = 0;

	XRL_UNROLL
	for (__u32 i = 0; i < XRL_GATE_WAYS; i++) {
		xrl_packed state = candidate_read(&set->newcomers[i]);
		__u64 is_own = xrl_tag_matches(state, tag);
		__u64 rank = xrl_eviction_rank(state, ticks, kept_ticks, tag) & (is_own - 1);
		__u64 way = (is_own << 19 | rank) << 3 | i;
		__u64 lead = way - best, is_less = (__s64)lead >> 63;

		xrl_forget(is_less);
		best += lead & ~is_less;
	}
	return best & 7;
}

/* Returns false if the entry was no longer `from`. */
static __always_inline int candidate_swap(struct xrl_newcomer *way, xrl_packed from, xrl_packed to)
{
	return __sync_val_compare_and_swap((xrl_packed *)way, from, to) == from;
}

static __always_inline struct xrl_newcomer *candidate_way(struct xrl_gate_line *set, __u32 number)
{
	xrl_forget(number);
	return &set->newcomers[number < XRL_GATE_WAYS ? number : 0];
}

/* Two CPUs may have chosen different ways for a source that both saw for the first time. The one
 * that notices after writing takes its entry back; sometimes both do. */
static __always_inline int has_duplicate(const struct xrl_gate_line *set, __u32 tag, __u32 number)
{
	__u64 ways = 0;

	XRL_UNROLL
	for (__u32 i = 0; i < XRL_GATE_WAYS; i++)
		ways |= xrl_tag_matches(candidate_read(&set->newcomers[i]), tag) << i;
	return (ways & ~(1ULL << number)) != 0;
}

/* The source's way; without an entry of its own, any other. */
static __always_inline struct xrl_newcomer *own_candidate(const struct xrl_address *source,
                                                          __u32 *tag)
{
	__u32 hash = gate_hash(source);
	struct xrl_gate_line *set = gate_set(hash);

	if (!set)
		return NULL;
	*tag = gate_tag(hash);
	return candidate_way(set, find_candidate(set, *tag, 0, 0));
}

/* The admitted units in the entry: its upper part, or 0. */
static __always_inline __u64 admitted_before(xrl_packed state, __u32 tag)
{
	return xrl_has_tag(state, tag) && xrl_admitted_packets(state)
	               ? state & ~0ULL << XRL_CANDIDATE_TAG_BITS
	               : 0;
}

/* Returns what was admitted of the source so far. */
XRL_GLOBAL_FUNC __u64 candidate_carry(const struct xrl_address *source)
{
	struct xrl_newcomer *way;
	__u32 tag;

	if (!source)
		return 0;
	way = own_candidate(source, &tag);
	return way ? admitted_before(candidate_read(way), tag) : 0;
}

#define CANDIDATE_ATTEMPTS 3

/* Returns the same, and changes the entry. A packet that added `admission`, but was rejected
 * after all, is refunded. With 0, the entry is closed: its bucket holds the admitted packets from
 * now on. */
XRL_GLOBAL_FUNC __u64 candidate_update(const struct xrl_address *source, __u64 admission)
{
	struct xrl_newcomer *way;
	__u32 tag;

	if (!source)
		return 0;
	way = own_candidate(source, &tag);
	if (!way)
		return 0;
	XRL_UNROLL
	for (int i = 0; i < CANDIDATE_ATTEMPTS; i++) {
		xrl_packed state = candidate_read(way);
		xrl_packed next = admission ? state - admission : xrl_candidate_closed(state);
		__u64 admitted = admitted_before(state, tag);

		if (!admitted || candidate_swap(way, state, next))
			return admitted;
	}
	return 0;
}

static __always_inline __u64 candidate_close(const struct xrl_address *source)
{
	return candidate_update(source, 0);
}

static __always_inline void candidate_refund(const struct xrl_address *source, __u64 admission)
{
	candidate_update(source, admission);
}
