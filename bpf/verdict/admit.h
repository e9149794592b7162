/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The gate: an admission filter in front of an LRU cache. Its state is engaged or ready.
 *
 * A new source costs an LRU insertion, the most expensive operation on the packet path, and evicts
 * another source, which then loses its state. In a flood of forged addresses every packet does
 * that. So when too many new sources arrive (bpf/gate/pressure.h), the gate engages, and as a
 * rule only its fifth packet earns a source a bucket:
 *
 *     packet
 *       |
 *     engaged? --- no ---------------------------------------------+
 *       | yes                                                      |
 *     in the residents filter? --- yes --> a bucket? --- yes ------+
 *       | no                                  | no                 |
 *       |<------------------------------------+                    v
 *     a permit? --- yes -------------------------> its bucket, inserted if new
 *       | no                                                       ^
 *     a class without limits? --- yes: passes                      |
 *       | no                                                       |
 *     candidate entry: came often enough, and promotions left? ----+
 *       | no                                           yes: the bucket carries over
 *     room in the budgets: first-time sources,         what was admitted
 *     all candidates, its /24? --- yes: admitted, and recorded in the entry
 *       | no
 *     rejected
 *
 * The set of a source, one cache line of 64 bytes:
 *
 *     +-------+-------+-------+------+------+------+------+------+
 *     |   residents filter,   |           candidates             |
 *     |   a block per epoch   |  1   |  2   |  3   |  4   |  5   |
 *     +-------+-------+-------+------+------+------+------+------+
 *        4 of 60 bits each       tag, hits, admitted, first hit
 *
 * A false positive of the residents filter costs a wasted lookup. A false negative (bits lost to a
 * race, or after many hours) makes a resident a candidate for one packet, which may be rejected:
 * `buckets` is searched before its first packet is admitted, and with its second one.
 *
 * First-time sources may use no more than half of the budget, which leaves the rest to returning
 * ones: a forged address hardly ever comes twice. Admitted packets are remembered as long as any
 * limit would, so that an offender that pauses is not new every time. There is room for that
 * because few first-time packets are admitted (user/policy/gate.c). */

#include "bpf/bucket/classify.h"
#include "bpf/bucket/permit_lookup.h"
#include "bpf/bucket/scoped.h"
#include "bpf/gate/candidate_budget.h"
#include "bpf/gate/pressure.h"
#include "bpf/gate/residents.h"
#include "bpf/gate/set.h"
#include "bpf/parse/packet.h"

/* The gate's result, in one number: a kind, the class, and the counter or reason. */
enum gate_kind {
	GATE_OPEN,
	GATE_PASS,         /* gate_what: an xrl_counter */
	GATE_REJECT,       /* gate_what: an xrl_reason */
	GATE_WOULD_REJECT, /* continues, but gate_what would have rejected it */
	GATE_RETRY,        /* another CPU was faster; budget already taken is lost */
};

#define GATE_CLASS_SHIFT 4
#define GATE_WHAT_SHIFT  12

static __always_inline __u64 gate_result(enum gate_kind kind, __u32 class_number, __u32 what)
{
	return kind | class_number << GATE_CLASS_SHIFT | what << GATE_WHAT_SHIFT;
}

static __always_inline enum gate_kind gate_kind(__u64 result)
{
	return result & 0xF;
}

static __always_inline __u32 gate_class(__u64 result)
{
	return result >> GATE_CLASS_SHIFT & 0xFF;
}

static __always_inline __u32 gate_what(__u64 result)
{
	return result >> GATE_WHAT_SHIFT & 0xFF;
}

/* ---- how a packet relates to its class ---- */

/* True if some limit of the class counts this packet. */
static __always_inline int concerns(const struct packet *packet, const struct xrl_class *class)
{
	__u32 units = 1 << XRL_PACKETS | 1 << XRL_BYTES | packet->is_connection << XRL_CONNECTIONS |
	              packet->is_http_request << XRL_HTTP_REQUESTS;

	return class->units & units || packet->kind == PACKET_IPV4_ICMP_ERROR;
}

static __always_inline __u32 bytes_64(const struct packet *packet)
{
	return (packet->frame_bytes + 63) >> 6;
}

/* True if the class admits no more of this source without a bucket. */
static __always_inline int exceeds(xrl_packed state, const struct packet *packet,
                                   const struct xrl_class *class)
{
	return xrl_admitted_packets(state) >= class->newcomer_packets ||
	       (state >> XRL_BYTES_SHIFT & 0xFFFF) + bytes_64(packet) > class->newcomer_bytes_64;
}

/* ---- the candidate entry ---- */

static __always_inline __u64 admission_of(const struct packet *packet)
{
	return xrl_admission(bytes_64(packet), packet->is_connection, packet->is_http_request);
}

/* Decides on a candidate by its entry and the budgets. The entry is written by compare-and-swap: if
 * another CPU changed it meanwhile, the caller retries. */
static __always_inline __u64 try_candidate(const struct packet *packet,
                                           const struct xrl_class *class,
                                           const struct xrl_flood *policy, __u32 class_number)
{
	struct xrl_address source;
	struct xrl_gate_line *set;
	struct xrl_newcomer *way;
	__u32 hash, tag, number, ticks, reason;
	xrl_packed state, next;
	int is_own, is_due;

	source = packet->source;
	hash = gate_hash(&source);
	ticks = xrl_gate_ticks(bpf_jiffies64());
	set = gate_set(hash);
	if (!set)
		return GATE_OPEN;
	tag = gate_tag(hash);
	number = find_candidate(set, tag, ticks, policy->kept_ticks);
	way = candidate_way(set, number);
	state = candidate_read(way);
	is_own = xrl_has_tag(state, tag);
	if (!is_own)
		count_arrival(policy);
	next = is_own ? xrl_candidate_next(state, ticks, class->newcomer_ticks)
	              : xrl_candidate_new(tag, ticks);
	is_due = exceeds(next, packet, class);
	if ((is_due || xrl_candidate_hits(next) > XRL_GATE_FEW) && take_promotion(policy, is_own)) {
		this_cpu()->promoted_sources++;
		return GATE_OPEN; /* bucket_add carries over the entry */
	}
	reason = is_due ? XRL_REASON_newcomers : candidate_budget_take(&source, policy, !is_own);
	/* it may have a bucket with lost bits: look before its first packet is admitted, and with
	 * its second one */
	if ((is_own ? xrl_candidate_hits(state) == 1 : !reason) &&
	    bpf_map_lookup_elem(&buckets, &source))
		return residents_add(&source);
	if (!reason)
		next += admission_of(packet);
	/* for a rejected packet a lost update hardly matters */
	if (!candidate_swap(way, state, next) && !reason)
		return gate_result(GATE_RETRY, class_number, XRL_REASON_contention);
	if (!is_own && !reason && has_duplicate(set, tag, number)) {
		candidate_swap(way, next, 0);
		return gate_result(GATE_RETRY, class_number, XRL_REASON_contention);
	}
	return reason ? gate_result(GATE_REJECT, class_number, reason)
	              : gate_result(GATE_PASS, class_number, XRL_passed_newcomer);
}

/* Rare, so that it may be a call. */
XRL_GLOBAL_FUNC int count_arrival_slow(const struct xrl_flood *policy)
{
	if (policy)
		count_arrival(policy);
	return 0;
}

/* In monitor mode every source continues to a bucket; those that would be rejected are marked. */
XRL_GLOBAL_FUNC __u64 monitor_candidate(const struct packet *packet, const struct xrl_flood *policy,
                                        __u32 class_number)
{
	__u32 reason;

	if (!packet || !policy)
		return GATE_OPEN;
	count_arrival_slow(policy);
	reason = candidate_budget_take(&packet->source, policy, 1);
	return reason ? gate_result(GATE_WOULD_REJECT, class_number, reason) : GATE_OPEN;
}

/* Scoped limits: charges those that already have a bucket, so that a prefix or a class keeps its
 * limit. */
XRL_GLOBAL_FUNC __u64 charge_candidate(const struct packet *packet, const struct xrl_class *class,
                                       __u32 generation, __u32 class_number)
{
	struct scoped_receipt receipt;
	struct xrl_cost cost;
	__u32 result;

	if (!packet || !class)
		return GATE_OPEN;
	cost = packet_cost(packet);
	__builtin_memset(&receipt, 0xFF, sizeof(receipt)); /* XRL_NOT_CHARGED */
	result = charge_all_scoped(packet, class, &cost, &receipt, generation);
	if ((result & 0xFF) < XRL_OVER_LIMIT)
		return gate_result(GATE_PASS, class_number, XRL_passed_newcomer);
	return gate_result(GATE_REJECT, class_number,
	                   (result & 0xFF) == XRL_RETRY
	                           ? XRL_REASON_contention
	                           : XRL_REASON_packets_limit + (result >> 16 & (XRL_UNITS - 1)));
}

/* One attempt to decide on a source without a known bucket. packet->is_candidate is set. */
XRL_GLOBAL_FUNC __u64 decide_candidate_once(const struct packet *packet, __u32 generation)
{
	const struct xrl_policy *policy = policy_of(generation);
	const struct xrl_class *class;
	__u32 number;

	if (!packet || policy->flood.mode == XRL_FLOOD_OFF)
		return GATE_OPEN;
	if (prefiltered_permit_expires_ns(&packet->source))
		return GATE_OPEN;
	number = class_of_candidate(&packet->source, generation);
	class = &policy->classes[number];
	if (!class->units)
		return gate_result(GATE_PASS, number, XRL_passed_trusted);
	if (!concerns(packet, class)) {
		count_arrival_slow(&policy->flood); /* as when ready, or the gate would oscillate */
		return gate_result(GATE_PASS, number, XRL_passed_within_limits);
	}
	if (policy->flood.mode == XRL_FLOOD_MONITOR)
		return monitor_candidate(packet, &policy->flood, number);
	return try_candidate(packet, class, &policy->flood, number);
}

static __always_inline int has_scoped_limits(const struct packet *packet,
                                             const struct xrl_class *class)
{
	return class->separate_count && packet->kind != PACKET_IPV4_ICMP_ERROR;
}

#define GATE_ATTEMPTS 3

/* The gate's result for a source without a known bucket. */
static __always_inline __u64 decide_candidate(const struct packet *packet, __u32 generation)
{
	__u64 result = decide_candidate_once(packet, generation);
	const struct xrl_class *class;

	for (int i = 1; i < GATE_ATTEMPTS && gate_kind(result) == GATE_RETRY; i++)
		result = decide_candidate_once(packet, generation);
	if (gate_kind(result) == GATE_RETRY)
		return gate_result(GATE_REJECT, gate_class(result), gate_what(result));
	if (gate_kind(result) != GATE_PASS || gate_what(result) != XRL_passed_newcomer)
		return result;
	class = &policy_of(generation)->classes[gate_class(result)];
	if (has_scoped_limits(packet, class)) {
		result = charge_candidate(packet, class, generation, gate_class(result));
		if (gate_kind(result) == GATE_REJECT)
			candidate_refund(&packet->source, admission_of(packet));
	}
	return result;
}
