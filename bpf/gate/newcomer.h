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
xrl_inline __u32 xrl_gate_line_of(__u32 hash, __u32 lines)
{
	return (__u64)hash * lines >> 32;
}

#define XRL_TAG_BITS      18
#define XRL_ERA_BITS      2
#define XRL_IDENTITY_BITS (XRL_TAG_BITS + XRL_ERA_BITS)

xrl_inline __u32 xrl_tag(__u32 hash)
{
	return hash & ((1u << XRL_TAG_BITS) - 1);
}

/* What says in a line whose word it is, the lowest bits. A word of another era is nobody's, and so
 * is an empty one: there is no era 0. */
xrl_inline __u32 xrl_identity(__u32 hash, __u32 era)
{
	return xrl_tag(hash) | (era & ((1u << XRL_ERA_BITS) - 1)) << XRL_TAG_BITS;
}

xrl_inline __u32 xrl_next_era(__u32 era)
{
	return era % ((1u << XRL_ERA_BITS) - 1) + 1;
}

/* Its bit in xrl_flood_state.permits. */
xrl_inline __u32 xrl_permit_bit(__u32 hash)
{
	return hash >> (32 - XRL_PERMIT_BITS);
}

/* ---- who has a bucket ---- */

#define XRL_KNOWN_BITS               60
#define XRL_EPOCH_MASK               15u
#define XRL_KNOWN_PLACE(bits, shift) (1ULL << (((bits) >> (shift)&0xFF) * XRL_KNOWN_BITS >> 8))

/* Four of the bits, from others than those that chose the line. Of the sources without a bucket,
 * with all buckets taken, one in 50 looks as if it had one, and costs a look-up in vain. */
xrl_inline __u64 xrl_known_bits(__u32 hash)
{
	__u64 bits = hash * 0x9E3779B97F4A7C15ULL;

	return XRL_KNOWN_PLACE(bits, 32) | XRL_KNOWN_PLACE(bits, 40) | XRL_KNOWN_PLACE(bits, 48) |
	       XRL_KNOWN_PLACE(bits, 56);
}

/* Epochs take turns: what is left of a division by three, which would cost more. The comparison is
 * for the verifier. */
xrl_inline __u32 xrl_known_place(__u32 epoch)
{
	__u32 place = epoch - (__u32)((__u64)epoch * 0xAAAAAAABu >> 33) * XRL_GATE_EPOCHS;

	_Static_assert(XRL_GATE_EPOCHS == 3, "the factor is a third of 2^33");
	asm volatile("" : "+r"(place));
	return place < XRL_GATE_EPOCHS ? place : 0;
}

xrl_inline xrl_word xrl_known_read(const struct xrl_known *known)
{
	return *(const volatile xrl_word *)known;
}

/* Bits of this epoch. */
xrl_inline __u64 xrl_known_in(xrl_word word, __u32 epoch)
{
	return word >> XRL_KNOWN_BITS == (epoch & XRL_EPOCH_MASK)
	               ? word & ((1ULL << XRL_KNOWN_BITS) - 1)
	               : 0;
}

/* What is written when a source is given a bucket. What stood there for an older epoch goes: by now
 * the LRU map has forgotten who hasn't been seen since. */
xrl_inline xrl_word xrl_known_with(xrl_word word, __u32 epoch, __u64 bits)
{
	return (__u64)(epoch & XRL_EPOCH_MASK) << XRL_KNOWN_BITS | xrl_known_in(word, epoch) | bits;
}

/* 1: in this epoch, 2: only in one before. */
xrl_inline int xrl_is_known(const struct xrl_gate_line *line, __u32 epoch, __u64 bits)
{
	int known = 0;

	XRL_UNROLL
	for (__u32 i = 0; i < XRL_GATE_EPOCHS; i++) {
		xrl_word word = xrl_known_read(&line->known[i]);
		__u32 epochs_ago = (epoch - (word >> XRL_KNOWN_BITS)) & XRL_EPOCH_MASK;

		if ((word & bits) != bits || epochs_ago >= XRL_GATE_EPOCHS)
			continue;
		if (!epochs_ago)
			return 1;
		known = 2;
	}
	return known;
}

/* 0: in none of them, as it is of most newcomers. */
xrl_inline int xrl_may_be_known(const struct xrl_gate_line *line, __u64 bits)
{
	return (xrl_known_read(&line->known[0]) & bits) == bits ||
	       (xrl_known_read(&line->known[1]) & bits) == bits ||
	       (xrl_known_read(&line->known[2]) & bits) == bits;
}

/* 1: it's written there. */
xrl_inline int xrl_try_mark_known(struct xrl_gate_line *line, __u32 epoch, __u64 bits)
{
	xrl_word *place = (xrl_word *)&line->known[xrl_known_place(epoch)];
	xrl_word word = *(volatile xrl_word *)place, with = xrl_known_with(word, epoch, bits);

	return word == with || __sync_val_compare_and_swap(place, word, with) == word;
}

/* Who uses its bucket is marked once an epoch, and once in 2^11 ticks of XRL_CHECKED_SHIFT, 69 s,
 * for what the epochs miss: marks that were lost, a gate that was made anew, a program of another
 * version. */
#define XRL_REMARK_SHIFT 11

/* After a look at the clock that was noted: when the one before it was not in this epoch, or nobody
 * had looked at this bucket before (0). In the tick in which the epoch began it may have been. */
xrl_inline int xrl_is_mark_due(__u32 checked_before, __u32 checked, __u32 epoch_began)
{
	return checked != checked_before && ((__s32)(epoch_began - checked_before) >= 0 ||
	                                     (checked ^ checked_before) >> XRL_REMARK_SHIFT);
}

/* ---- newcomers ---- */

#define XRL_SEEN_SHIFT        20
#define XRL_PASSED_SHIFT      23
#define XRL_CONNECTIONS_SHIFT 26
#define XRL_REQUESTS_SHIFT    29
#define XRL_BYTES_SHIFT       32
#define XRL_FIRST_SHIFT       48
#define XRL_MAX_SEEN          7u

/* Time is counted in 2^5 jiffies, a tenth of a second or so. */
#define XRL_GATE_TICK_SHIFT 5

xrl_inline __u32 xrl_gate_ticks(__u64 jiffies)
{
	return jiffies >> XRL_GATE_TICK_SHIFT & 0xFFFF;
}

xrl_inline __u32 xrl_seen(xrl_word word)
{
	return word >> XRL_SEEN_SHIFT & XRL_MAX_SEEN;
}

xrl_inline __u32 xrl_passed_packets(xrl_word word)
{
	return word >> XRL_PASSED_SHIFT & 7;
}

/* By enum xrl_unit: what has passed. */
xrl_inline __u64 xrl_passed_units(xrl_word word, __u32 unit)
{
	if (unit == XRL_BYTES)
		return (word >> XRL_BYTES_SHIFT & 0xFFFF) << 6;
	if (unit == XRL_CONNECTIONS)
		return word >> XRL_CONNECTIONS_SHIFT & 7;
	if (unit == XRL_HTTP_REQUESTS)
		return word >> XRL_REQUESTS_SHIFT & 7;
	return xrl_passed_packets(word);
}

/* Ticks since it was seen first; less than that when it is longer ago than they go round. */
xrl_inline __u32 xrl_newcomer_age(xrl_word word, __u32 ticks)
{
	return (ticks - (word >> XRL_FIRST_SHIFT)) & 0xFFFF;
}

xrl_inline xrl_word xrl_newcomer_first(__u32 identity, __u32 ticks)
{
	return (__u64)ticks << XRL_FIRST_SHIFT | 1u << XRL_SEEN_SHIFT | identity;
}

xrl_inline int xrl_is_newcomer(xrl_word word, __u32 identity)
{
	return (word & ((1u << XRL_IDENTITY_BITS) - 1)) == identity;
}

xrl_inline xrl_word xrl_newcomer_seen(xrl_word word)
{
	return xrl_seen(word) < XRL_MAX_SEEN ? word + (1u << XRL_SEEN_SHIFT) : word;
}

/* One packet more. What has passed so long ago that no limit remembers it is forgotten here, too.
 */
xrl_inline xrl_word xrl_newcomer_next(xrl_word word, __u32 ticks, __u32 remembered_ticks)
{
	word = xrl_newcomer_seen(word);
	if (xrl_newcomer_age(word, ticks) < remembered_ticks)
		return word;
	return (word & ((1ULL << XRL_PASSED_SHIFT) - 1)) | (__u64)ticks << XRL_FIRST_SHIFT;
}

/* Nothing of it has passed, or what has is in its bucket. That it came remains. */
xrl_inline xrl_word xrl_newcomer_settled(xrl_word word)
{
	return (word & ~0ULL << XRL_FIRST_SHIFT) | XRL_MAX_SEEN << XRL_SEEN_SHIFT |
	       (word & ((1u << XRL_IDENTITY_BITS) - 1));
}

/* What a packet that passes adds to the word. There is room: no more than XRL_GATE_FEW do, and none
 * of these has more than 2^18 bytes. */
xrl_inline __u64 xrl_passing(__u32 bytes_64, __u32 is_connection, __u32 is_http_request)
{
	return (1u << XRL_PASSED_SHIFT) + ((__u64)bytes_64 << XRL_BYTES_SHIFT) +
	       ((__u64)is_connection << XRL_CONNECTIONS_SHIFT) +
	       ((__u64)is_http_request << XRL_REQUESTS_SHIFT);
}

/* What has passed since the word was `before`. In between it may have been given up and begun anew,
 * or a packet taken back. */
xrl_inline xrl_word xrl_passed_since(xrl_word word, xrl_word before)
{
	if (word >> XRL_FIRST_SHIFT != before >> XRL_FIRST_SHIFT)
		return word;
	return xrl_passed_packets(word) > xrl_passed_packets(before) ? word - before : 0;
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

xrl_inline __u64 xrl_is_its(xrl_word word, __u32 identity)
{
	return xrl_is_not_0((word ^ identity) & ((1u << XRL_IDENTITY_BITS) - 1)) ^ 1;
}

/* How readily a word is given up: an empty one first, or one of another era, then by age. Of what
 * has passed of a source so much depends that it stays for kept_ticks: first-timers are let pass
 * only as far as there is room for that (user/policy/gate.c). One whose source has come again
 * counts as sixteen times younger. So of a flood of sources that come once, the first ones of each
 * tick stay until the next one, and who comes again stays on. Without branches: with random words
 * the processor would guess them wrong. */
xrl_inline __u64 xrl_newcomer_rank(xrl_word word, __u32 ticks, __u32 kept_ticks, __u32 identity)
{
	__u64 age = xrl_newcomer_age(word, ticks);
	__u64 has_passed = word & 7u << XRL_PASSED_SHIFT, era = ((1u << XRL_ERA_BITS) - 1)
	                                                        << XRL_TAG_BITS;
	__u64 is_kept = xrl_is_not_0(has_passed) & xrl_is_negative(age - kept_ticks);
	__u64 came_again = xrl_is_not_0(word & 0x3Eu << XRL_SEEN_SHIFT); /* or has passed */
	__u64 is_free = xrl_is_not_0((word ^ identity) & era);

	return (age + 1) >> (came_again << 2) | (is_kept ^ 1) << 17 | is_free << 18;
}
