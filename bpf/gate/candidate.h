/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The candidate entry (struct xrl_newcomer): its fields, how packets change it, and which entry of
 * a set is evicted first. No packets, maps or clocks: unit tests compile this file in user space.
 * bpf/README.md draws the layout. */

#include "bpf/gate/hash.h"
#include "bpf/limit/fixed_window.h"
#include "include/gate.h"

#define XRL_HITS_SHIFT        20
#define XRL_ADMITTED_SHIFT    23
#define XRL_CONNECTIONS_SHIFT 26
#define XRL_REQUESTS_SHIFT    29
#define XRL_BYTES_SHIFT       32
#define XRL_FIRST_TICKS_SHIFT 48
#define XRL_MAX_HITS          7u

/* Gate time is counted in 2^5 jiffies: about 0.1 s. */
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

/* Admitted units, by enum xrl_unit. */
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

/* Gate ticks since the first hit, modulo 2^16. */
xrl_inline __u32 xrl_candidate_age(xrl_packed state, __u32 ticks)
{
	return (ticks - (state >> XRL_FIRST_TICKS_SHIFT)) & 0xFFFF;
}

/* The entry of a source after its first hit. */
xrl_inline xrl_packed xrl_candidate_new(__u32 tag, __u32 ticks)
{
	return (__u64)ticks << XRL_FIRST_TICKS_SHIFT | 1u << XRL_HITS_SHIFT | tag;
}

/* True if the entry belongs to this source and flood. */
xrl_inline int xrl_has_tag(xrl_packed state, __u32 tag)
{
	return (state & ((1u << XRL_CANDIDATE_TAG_BITS) - 1)) == tag;
}

xrl_inline xrl_packed xrl_candidate_hit(xrl_packed state)
{
	return xrl_candidate_hits(state) < XRL_MAX_HITS ? state + (1u << XRL_HITS_SHIFT) : state;
}

/* One more packet. Admitted packets from so long ago that no limit remembers them are dropped from
 * the entry. */
xrl_inline xrl_packed xrl_candidate_next(xrl_packed state, __u32 ticks, __u32 remembered_ticks)
{
	state = xrl_candidate_hit(state);
	if (xrl_candidate_age(state, ticks) < remembered_ticks)
		return state;
	return (state & ((1ULL << XRL_ADMITTED_SHIFT) - 1)) | (__u64)ticks << XRL_FIRST_TICKS_SHIFT;
}

/* Keeps only the tag and that the source came again: its bucket holds what was admitted. */
xrl_inline xrl_packed xrl_candidate_closed(xrl_packed state)
{
	return (state & ~0ULL << XRL_FIRST_TICKS_SHIFT) | XRL_MAX_HITS << XRL_HITS_SHIFT |
	       (state & ((1u << XRL_CANDIDATE_TAG_BITS) - 1));
}

/* An admitted packet in terms of the entry's fields, to be added to it. They cannot overflow: at
 * most XRL_GATE_FEW packets are admitted, each of less than 2^18 bytes. */
xrl_inline __u64 xrl_admission(__u32 bytes_64, __u32 is_connection, __u32 is_http_request)
{
	return (1u << XRL_ADMITTED_SHIFT) + ((__u64)bytes_64 << XRL_BYTES_SHIFT) +
	       ((__u64)is_connection << XRL_CONNECTIONS_SHIFT) +
	       ((__u64)is_http_request << XRL_REQUESTS_SHIFT);
}

/* Packets admitted since the entry read `before`. Meanwhile it may have been evicted and started
 * again, or a packet may have been refunded. */
xrl_inline xrl_packed xrl_admitted_since(xrl_packed state, xrl_packed before)
{
	if (state >> XRL_FIRST_TICKS_SHIFT != before >> XRL_FIRST_TICKS_SHIFT)
		return state;
	return xrl_admitted_packets(state) > xrl_admitted_packets(before) ? state - before : 0;
}

/* Returns 1 or 0. xrl_forget keeps the compiler from turning this into a branch. */
xrl_inline __u64 xrl_is_negative(__u64 number)
{
	xrl_forget(number);
	return number >> 63;
}

/* For numbers below 2^63. */
xrl_inline __u64 xrl_is_not_0(__u64 number)
{
	return xrl_is_negative(-number);
}

/* The same as a number, 1 or 0, without a branch. */
xrl_inline __u64 xrl_tag_matches(xrl_packed state, __u32 tag)
{
	return xrl_is_not_0((state ^ tag) & ((1u << XRL_CANDIDATE_TAG_BITS) - 1)) ^ 1;
}

/* The entry of the highest rank is evicted first: empty entries and those of another flood, then
 * the oldest. An entry with admitted packets is kept for kept_ticks, because much depends on it;
 * the budget of first-time sources is small enough for that (user/policy/gate.c). An entry whose
 * source came again counts as sixteen times younger. So in a flood of sources that come once, the
 * first ones of each tick stay until the next tick, while returning sources stay. Without branches:
 * entries are random, and the processor would mispredict them. */
xrl_inline __u64 xrl_eviction_rank(xrl_packed state, __u32 ticks, __u32 kept_ticks, __u32 tag)
{
	__u64 age = xrl_candidate_age(state, ticks);
	__u64 has_passed = state & 7u << XRL_ADMITTED_SHIFT, era = ((1u << XRL_ERA_BITS) - 1)
	                                                           << XRL_HASH_TAG_BITS;
	__u64 is_kept = xrl_is_not_0(has_passed) & xrl_is_negative(age - kept_ticks);
	__u64 came_again =
		xrl_is_not_0(state & 0x3Eu << XRL_HITS_SHIFT); /* or has admitted packets */
	__u64 is_free = xrl_is_not_0((state ^ tag) & era);

	return (age + 1) >> (came_again << 2) | (is_kept ^ 1) << 17 | is_free << 18;
}
