/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The gate. A source that is new costs an insertion into the LRU map of buckets, the dearest thing
 * a packet can do, and takes the place of another source, which then starts anew. In a flood of
 * invented addresses every packet does that. So when too many new ones arrive (pressure.h), none
 * gets to the map before it has shown that it comes again:
 *
 *            packet                     the line of its source: 64 bytes, one cache line
 *              |                 +-------+-------+-------+------+------+------+------+------+
 *   engaged? --+-- no --+        | known | known | known | new- | new- | new- | new- | new- |
 *              |        |        | now   | before| before| comer| comer| comer| comer| comer|
 *             yes       |        +-------+-------+-------+------+------+------+------+------+
 *              |        |              4 of 60 bits        tag, seen, passed, since when
 *        bits are set --+ a bucket? -- yes --+
 *              |        | no                 |
 *              no       |                    |
 *              |<-------+ (engaged)          |
 *   permit: -----------------> goes on ----->+--> its bucket, as in peace
 *   trusted: ----------------> passes        |
 *              |                             |
 *        the newcomer's word                 |
 *              |                             |
 *     came often enough? --- yes, a bucket is made, with what has passed counted in
 *              |
 *     is there room in the budget of all newcomers, and of its /24? --- yes: passes, and counts
 *              |
 *              no: refused
 *
 * What is "known" are bits: they are set when a bucket is made, and again while it is used, and
 * last as long as the LRU map keeps who isn't seen (newcomer.h). Bits that are set by others send
 * a source to the map in vain, which costs time and changes nothing. Bits that are lost (two
 * CPUs, or after many hours) make a known source a newcomer for one packet, which may be refused:
 * its bucket is looked for before one passes without it, and with the second one.
 *
 * Who comes for the first time may use no more than half of the budget, so that who comes again
 * has the other one: an invented address hardly ever comes twice. And what has passed is remembered
 * until no limit does (newcomer.h), for which there is room if few enough pass that come for the
 * first time: so an offender that pauses isn't a new one each time. */

#include "bpf/bucket/classify.h"
#include "bpf/bucket/permit_lookup.h"
#include "bpf/bucket/scoped.h"
#include "bpf/gate/candidate_budget.h"
#include "bpf/gate/pressure.h"
#include "bpf/gate/residents.h"
#include "bpf/gate/set.h"
#include "bpf/parse/packet.h"

/* What the gate says, in one number: a kind, the class, and what counts the packet. */
enum gate_kind {
	GATE_OPEN,
	GATE_PASS,         /* what: a counter */
	GATE_REJECT,       /* what: a reason */
	GATE_WOULD_REJECT, /* goes on, but would have been refused: what: a reason */
	GATE_RETRY,        /* another CPU was faster; what was taken of the budget is lost */
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

/* ---- what a packet is to its class ---- */

/* Whether some limit of the class has to do with it. */
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

static __always_inline int exceeds(xrl_packed state, const struct packet *packet,
                                   const struct xrl_class *class)
{
	return xrl_admitted_packets(state) >= class->newcomer_packets ||
	       (state >> XRL_BYTES_SHIFT & 0xFFFF) + bytes_64(packet) > class->newcomer_bytes_64;
}

/* ---- the word ---- */

static __always_inline __u64 admission_of(const struct packet *packet)
{
	return xrl_admission(bytes_64(packet), packet->is_connection, packet->is_http_request);
}

/* What is its own, and what passes, is told apart when the word is read again: another CPU may have
 * been there. */
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
		return GATE_OPEN; /* bucket_add counts in what the word says */
	}
	reason = is_due ? XRL_REASON_newcomers : candidate_budget_take(&source, policy, !is_own);
	/* it may have a bucket whose bits are lost: before it passes without, and when it comes
	 * again */
	if ((is_own ? xrl_candidate_hits(state) == 1 : !reason) &&
	    bpf_map_lookup_elem(&buckets, &source))
		return residents_add(&source);
	if (!reason)
		next += admission_of(packet);
	/* of one that is refused, it matters little */
	if (!candidate_swap(way, state, next) && !reason)
		return gate_result(GATE_RETRY, class_number, XRL_REASON_contention);
	if (!is_own && !reason && has_duplicate(set, tag, number)) {
		candidate_swap(way, next, 0);
		return gate_result(GATE_RETRY, class_number, XRL_REASON_contention);
	}
	return reason ? gate_result(GATE_REJECT, class_number, reason)
	              : gate_result(GATE_PASS, class_number, XRL_passed_newcomer);
}

/* Seldom, so that it may be a call. */
XRL_GLOBAL_FUNC int count_arrival_slow(const struct xrl_flood *policy)
{
	if (policy)
		count_arrival(policy);
	return 0;
}

/* Every source goes on, to a bucket; of those that would be refused it's said. */
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

/* The limits that have an endpoint, or that a source shares with others, have buckets apart: those
 * that are there are charged, so that a prefix or a class keeps to its limit. */
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

/* Of a source that isn't known to have a bucket. packet->is_newcomer is set. One attempt. */
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
		count_arrival_slow(&policy->flood); /* as in peace, or the gate would come and go */
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
