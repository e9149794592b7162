/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The arithmetic of a line of the gate: no packet, no map and no clock in it, so that unit tests
 * compile this file in user space. gate.h has the picture. */

#include "bpf/limit/fixed_window.h"
#include "include/gate.h"

/* ---- where a source belongs ---- */

/* Mixes an address so that no two become the same: each step can be undone. Nobody who doesn't
 * know the key can choose addresses that share a line. */
xrl_inline __u32 xrl_gate_hash(__u32 address, __u64 key)
{
	__u32 bits = address ^ (__u32)key;

	bits ^= bits >> 16;
	bits *= 0x7FEB352Du;
	bits ^= (__u32)(key >> 32);
	bits ^= bits >> 15;
	bits *= 0x846CA68Bu;
	return bits ^ bits >> 16;
}

/* The addresses of a line are neighbours in this order, at most 2^18 of them: their lowest bits
 * tell them apart. */
xrl_inline __u32 xrl_gate_set_of(__u32 hash, __u32 lines)
{
	return (__u64)hash * lines >> 32;
}

#define XRL_HASH_TAG_BITS      18
#define XRL_ERA_BITS           2
#define XRL_CANDIDATE_TAG_BITS (XRL_HASH_TAG_BITS + XRL_ERA_BITS)

xrl_inline __u32 xrl_hash_tag(__u32 hash)
{
	return hash & ((1u << XRL_HASH_TAG_BITS) - 1);
}

/* What says in a line whose word it is, the lowest bits. A word of another era is nobody's, and so
 * is an empty one: there is no era 0. */
xrl_inline __u32 xrl_candidate_tag(__u32 hash, __u32 era)
{
	return xrl_hash_tag(hash) | (era & ((1u << XRL_ERA_BITS) - 1)) << XRL_HASH_TAG_BITS;
}

xrl_inline __u32 xrl_next_era(__u32 era)
{
	return era % ((1u << XRL_ERA_BITS) - 1) + 1;
}

/* Its bit in xrl_flood_state.permits. */
xrl_inline __u32 xrl_permit_prefilter_bit(__u32 hash)
{
	return hash >> (32 - XRL_PERMIT_BITS);
}

/* ---- who has a bucket ---- */

#define XRL_RESIDENT_BITS             60
#define XRL_EPOCH_MASK                15u
#define XRL_RESIDENT_BIT(bits, shift) (1ULL << (((bits) >> (shift)&0xFF) * XRL_RESIDENT_BITS >> 8))

/* Four of the bits, from others than those that chose the line. Of the sources without a bucket,
 * with all buckets taken, one in 50 looks as if it had one, and costs a look-up in vain. */
xrl_inline __u64 xrl_resident_bits(__u32 hash)
{
	__u64 bits = hash * 0x9E3779B97F4A7C15ULL;

	return XRL_RESIDENT_BIT(bits, 32) | XRL_RESIDENT_BIT(bits, 40) |
	       XRL_RESIDENT_BIT(bits, 48) | XRL_RESIDENT_BIT(bits, 56);
}

/* Epochs take turns: what is left of a division by three, which would cost more. The comparison is
 * for the verifier. */
xrl_inline __u32 xrl_resident_slot(__u32 epoch)
{
	__u32 slot = epoch - (__u32)((__u64)epoch * 0xAAAAAAABu >> 33) * XRL_GATE_EPOCHS;

	_Static_assert(XRL_GATE_EPOCHS == 3, "the factor is a third of 2^33");
	asm volatile("" : "+r"(slot));
	return slot < XRL_GATE_EPOCHS ? slot : 0;
}

xrl_inline xrl_packed xrl_resident_read(const struct xrl_known *resident)
{
	return *(const volatile xrl_packed *)resident;
}

/* Bits of this epoch. */
xrl_inline __u64 xrl_resident_in(xrl_packed state, __u32 epoch)
{
	return state >> XRL_RESIDENT_BITS == (epoch & XRL_EPOCH_MASK)
	               ? state & ((1ULL << XRL_RESIDENT_BITS) - 1)
	               : 0;
}

/* What is written when a source is given a bucket. What stood there for an older epoch goes: by now
 * the LRU map has forgotten who hasn't been seen since. */
xrl_inline xrl_packed xrl_resident_with(xrl_packed state, __u32 epoch, __u64 bits)
{
	return (__u64)(epoch & XRL_EPOCH_MASK) << XRL_RESIDENT_BITS |
	       xrl_resident_in(state, epoch) | bits;
}

/* 1: in this epoch, 2: only in one before. */
xrl_inline int xrl_is_resident(const struct xrl_gate_line *set, __u32 epoch, __u64 bits)
{
	int resident = 0;

	XRL_UNROLL
	for (__u32 i = 0; i < XRL_GATE_EPOCHS; i++) {
		xrl_packed state = xrl_resident_read(&set->known[i]);
		__u32 epochs_ago = (epoch - (state >> XRL_RESIDENT_BITS)) & XRL_EPOCH_MASK;

		if ((state & bits) != bits || epochs_ago >= XRL_GATE_EPOCHS)
			continue;
		if (!epochs_ago)
			return 1;
		resident = 2;
	}
	return resident;
}

/* 0: in none of them, as it is of most newcomers. */
xrl_inline int xrl_maybe_resident(const struct xrl_gate_line *set, __u64 bits)
{
	return (xrl_resident_read(&set->known[0]) & bits) == bits ||
	       (xrl_resident_read(&set->known[1]) & bits) == bits ||
	       (xrl_resident_read(&set->known[2]) & bits) == bits;
}

/* 1: it's written there. */
xrl_inline int xrl_try_add_resident(struct xrl_gate_line *set, __u32 epoch, __u64 bits)
{
	xrl_packed *slot = (xrl_packed *)&set->known[xrl_resident_slot(epoch)];
	xrl_packed state = *(volatile xrl_packed *)slot,
		   with = xrl_resident_with(state, epoch, bits);

	return state == with || __sync_val_compare_and_swap(slot, state, with) == state;
}

/* Who uses its bucket is marked once an epoch, and once in 2^11 ticks of XRL_CHECKED_SHIFT, 69 s,
 * for what the epochs miss: marks that were lost, a gate that was made anew, a program of another
 * version. */
#define XRL_READD_SHIFT 11

/* After a look at the clock that was noted: when the one before it was not in this epoch, or nobody
 * had looked at this bucket before (0). In the tick in which the epoch began it may have been. */
xrl_inline int xrl_is_readd_due(__u32 checked_before, __u32 checked, __u32 epoch_began)
{
	return checked != checked_before && ((__s32)(epoch_began - checked_before) >= 0 ||
	                                     (checked ^ checked_before) >> XRL_READD_SHIFT);
}

/* ---- newcomers ---- */

#define XRL_HITS_SHIFT        20
#define XRL_ADMITTED_SHIFT    23
#define XRL_CONNECTIONS_SHIFT 26
#define XRL_REQUESTS_SHIFT    29
#define XRL_BYTES_SHIFT       32
#define XRL_FIRST_TICKS_SHIFT 48
#define XRL_MAX_HITS          7u

/* Time is counted in 2^5 jiffies, a tenth of a second or so. */
#define XRL_GATE_TICK_SHIFT 5

xrl_inline __u32 xrl_gate_ticks(__u64 jiffies)
{
	return jiffies >> XRL_GATE_TICK_SHIFT & 0xFFFF;
}

xrl_inline __u32 xrl_candidate_hits(xrl_packed state)
{
	return state >> XRL_HITS_SHIFT & XRL_MAX_HITS;
}

xrl_inline __u32 xrl_admitted_packets(xrl_packed state)
{
	return state >> XRL_ADMITTED_SHIFT & 7;
}

/* By enum xrl_unit: what has passed. */
xrl_inline __u64 xrl_admitted_units(xrl_packed state, __u32 unit)
{
	if (unit == XRL_BYTES)
		return (state >> XRL_BYTES_SHIFT & 0xFFFF) << 6;
	if (unit == XRL_CONNECTIONS)
		return state >> XRL_CONNECTIONS_SHIFT & 7;
	if (unit == XRL_HTTP_REQUESTS)
		return state >> XRL_REQUESTS_SHIFT & 7;
	return xrl_admitted_packets(state);
}

/* Ticks since it was seen first; less than that when it is longer ago than they go round. */
xrl_inline __u32 xrl_candidate_age(xrl_packed state, __u32 ticks)
{
	return (ticks - (state >> XRL_FIRST_TICKS_SHIFT)) & 0xFFFF;
}

xrl_inline xrl_packed xrl_candidate_new(__u32 tag, __u32 ticks)
{
	return (__u64)ticks << XRL_FIRST_TICKS_SHIFT | 1u << XRL_HITS_SHIFT | tag;
}

xrl_inline int xrl_has_tag(xrl_packed state, __u32 tag)
{
	return (state & ((1u << XRL_CANDIDATE_TAG_BITS) - 1)) == tag;
}

xrl_inline xrl_packed xrl_candidate_hit(xrl_packed state)
{
	return xrl_candidate_hits(state) < XRL_MAX_HITS ? state + (1u << XRL_HITS_SHIFT) : state;
}

/* One packet more. What has passed so long ago that no limit remembers it is forgotten here, too.
 */
xrl_inline xrl_packed xrl_candidate_next(xrl_packed state, __u32 ticks, __u32 remembered_ticks)
{
	state = xrl_candidate_hit(state);
	if (xrl_candidate_age(state, ticks) < remembered_ticks)
		return state;
	return (state & ((1ULL << XRL_ADMITTED_SHIFT) - 1)) | (__u64)ticks << XRL_FIRST_TICKS_SHIFT;
}

/* Nothing of it has passed, or what has is in its bucket. That it came remains. */
xrl_inline xrl_packed xrl_candidate_closed(xrl_packed state)
{
	return (state & ~0ULL << XRL_FIRST_TICKS_SHIFT) | XRL_MAX_HITS << XRL_HITS_SHIFT |
	       (state & ((1u << XRL_CANDIDATE_TAG_BITS) - 1));
}

/* What a packet that passes adds to the word. There is room: no more than XRL_GATE_FEW do, and none
 * of these has more than 2^18 bytes. */
xrl_inline __u64 xrl_admission(__u32 bytes_64, __u32 is_connection, __u32 is_http_request)
{
	return (1u << XRL_ADMITTED_SHIFT) + ((__u64)bytes_64 << XRL_BYTES_SHIFT) +
	       ((__u64)is_connection << XRL_CONNECTIONS_SHIFT) +
	       ((__u64)is_http_request << XRL_REQUESTS_SHIFT);
}

/* What has passed since the word was `before`. In between it may have been given up and begun anew,
 * or a packet taken back. */
xrl_inline xrl_packed xrl_admitted_since(xrl_packed state, xrl_packed before)
{
	if (state >> XRL_FIRST_TICKS_SHIFT != before >> XRL_FIRST_TICKS_SHIFT)
		return state;
	return xrl_admitted_packets(state) > xrl_admitted_packets(before) ? state - before : 0;
}

/* 1 or 0. The barrier keeps the compiler from making a branch of it. */
xrl_inline __u64 xrl_is_negative(__u64 number)
{
	asm volatile("" : "+r"(number));
	return number >> 63;
}

/* Of less than 2^63. */
xrl_inline __u64 xrl_is_not_0(__u64 number)
{
	return xrl_is_negative(-number);
}

xrl_inline __u64 xrl_tag_matches(xrl_packed state, __u32 tag)
{
	return xrl_is_not_0((state ^ tag) & ((1u << XRL_CANDIDATE_TAG_BITS) - 1)) ^ 1;
}

/* How readily a word is given up: an empty one first, or one of another era, then by age. Of what
 * has passed of a source so much depends that it stays for kept_ticks: first-timers are let pass
 * only as far as there is room for that (user/policy/gate.c). One whose source has come again
 * counts as sixteen times younger. So of a flood of sources that come once, the first ones of each
 * tick stay until the next one, and who comes again stays on. Without branches: with random words
 * the processor would guess them wrong. */
xrl_inline __u64 xrl_eviction_rank(xrl_packed state, __u32 ticks, __u32 kept_ticks, __u32 tag)
{
	__u64 age = xrl_candidate_age(state, ticks);
	__u64 has_passed = state & 7u << XRL_ADMITTED_SHIFT, era = ((1u << XRL_ERA_BITS) - 1)
	                                                           << XRL_HASH_TAG_BITS;
	__u64 is_kept = xrl_is_not_0(has_passed) & xrl_is_negative(age - kept_ticks);
	__u64 came_again = xrl_is_not_0(state & 0x3Eu << XRL_HITS_SHIFT); /* or has passed */
	__u64 is_free = xrl_is_not_0((state ^ tag) & era);

	return (age + 1) >> (came_again << 2) | (is_kept ^ 1) << 17 | is_free << 18;
}
