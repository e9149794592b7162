/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What becomes of a packet: a counter says it all. */

#include "bpf/bucket/reject_cache.h"
#include "bpf/verdict/admit.h"
#include "bpf/bucket/insert.h"
#include "bpf/verdict/simple.h"
#include "bpf/parse/protected_ports.h"
#include "bpf/bucket/scoped.h"

/* As one number a function that is checked by itself can return it. */
struct verdict {
	__u16 refused; /* 2: by a bucket that is not the source's alone */
	__u16 what;    /* refused: an xrl_reason; else an xrl_counter */
};

static __always_inline struct verdict passed(enum xrl_counter counter)
{
	return (struct verdict){0, counter};
}

static __always_inline struct verdict refused(enum xrl_reason reason)
{
	return (struct verdict){1, reason};
}

static __always_inline struct verdict refused_by(enum xrl_reason reason, __u32 answer)
{
	return refused((answer & 0xFF) == XRL_AGAIN ? XRL_REASON_contention : reason);
}

static __always_inline struct verdict judge_icmp_error(struct xrl_bucket *bucket,
                                                       const struct xrl_class *class)
{
	enum xrl_answer answer = xrl_charge_icmp_error(bucket, class);

	if (answer < XRL_REFUSED)
		return passed(XRL_passed_icmp_error);
	return refused_by(XRL_REASON_icmp_errors_limit, answer);
}

/* The separate limits, when the source's own have room. */
static __always_inline __u32 charge_apart(const struct packet *packet, struct xrl_bucket *bucket,
                                          const struct xrl_class *class,
                                          const struct xrl_demand *demand,
                                          struct separate_marks *taken, __u32 generation)
{
	__u32 concerned, answer;
	__u64 now_ns;

	concerned = count_separate(packet, class, demand);
	if (!concerned)
		return XRL_ALLOWED;
	answer = xrl_ask_all(bucket, class, demand, &now_ns);
	if ((answer & 0xFF) != XRL_REFUSED && concerned > 1)
		answer = ask_all_separate(packet, class, demand, generation);
	if ((answer & 0xFF) != XRL_REFUSED)
		answer = charge_all_separate(packet, class, demand, taken, generation);
	return answer;
}

/* All limits that the packet has to do with, in the order that separate.h explains. */
static __always_inline __u32 charge(const struct packet *packet, struct xrl_bucket *bucket,
                                    const struct xrl_class *class, __u32 generation)
{
	struct xrl_demand demand = demand_of(packet);
	struct separate_marks taken;
	__u32 apart = XRL_ALLOWED, own;

	__builtin_memset(&taken, 0xFF, sizeof(taken)); /* XRL_NOTHING */
	if (class->separate_count)
		apart = charge_apart(packet, bucket, class, &demand, &taken, generation);
	if ((apart & 0xFF) >= XRL_REFUSED)
		return apart;
	own = xrl_charge(bucket, class, &demand);
	if ((own & 0xFF) >= XRL_REFUSED && class->separate_count)
		give_back_all_separate(packet, class, &demand, &taken, generation);
	return (own & 0xFF) >= XRL_REFUSED ? own : own | apart;
}

static __always_inline struct verdict judge_limits(const struct packet *packet,
                                                   struct xrl_bucket *bucket,
                                                   const struct xrl_class *class, __u32 generation)
{
	__u32 answer = charge(packet, bucket, class, generation);
	struct verdict verdict;

	if ((answer & 0xFF) >= XRL_REFUSED) {
		verdict = refused_by(XRL_REASON_packets_limit + (answer >> 16 & (XRL_UNITS - 1)),
		                     answer);
		verdict.refused += !!(answer & SEPARATE_SHARED);
		return verdict;
	}
	if (answer & SEPARATE_NOTED)
		return passed(XRL_passed_limiter_failed);
	return passed(answer & XRL_ALLOWED_NEAR ? XRL_passed_near_limit : XRL_passed_within_limits);
}

static __always_inline int is_trusted(const struct xrl_class *class)
{
	return !class->limit_count && !class->separate_count;
}

static __always_inline struct verdict judge_by_class(const struct packet *packet,
                                                     struct xrl_bucket *bucket,
                                                     const struct xrl_class *class,
                                                     __u32 generation)
{
	struct verdict verdict;

	if (is_trusted(class))
		return passed(XRL_passed_trusted);
	if (packet->kind == PACKET_IPV4_ICMP_ERROR)
		return judge_icmp_error(bucket, class);
	if (xrl_has_penalty(xrl_resolved_read(bucket)) && xrl_penalty_ns(bucket, class))
		return refused(XRL_REASON_penalty);
	verdict = judge_limits(packet, bucket, class, generation);
	/* contention is no excess, and for what others have used up nobody is punished */
	if (verdict.refused == 1 && verdict.what != XRL_REASON_contention &&
	    class->penalty.period_ns)
		xrl_begin_penalty(bucket, class, generation);
	return verdict;
}

/* A struct verdict. */
XRL_SUBPROGRAM __u32 judge_anything(const struct packet *packet, struct xrl_bucket *bucket,
                                    const struct xrl_class *class, __u32 generation)
{
	struct verdict verdict = passed(XRL_passed_limiter_failed);

	if (packet && bucket && class)
		verdict = judge_by_class(packet, bucket, class, generation);
	return verdict.refused << 16 | verdict.what;
}

/* The common case is decided here, in a few steps. */
static __always_inline struct verdict
judge_source(const struct packet *packet, const struct policy *policy, struct xrl_bucket *bucket)
{
	enum xrl_answer answer = XRL_AGAIN;
	__u32 verdict, checked;

	if (policy->class->is_plain && packet->kind == PACKET_IPV4)
		answer = charge_plain(bucket, policy->class, &packet->source, 0);
	if (answer == XRL_ALLOWED)
		return passed(XRL_passed_within_limits);
	if (answer == XRL_REFUSED)
		return refused(XRL_REASON_packets_limit);
	checked = read_checked(bucket);
	verdict = judge_anything(packet, bucket, policy->class, policy->generation);
	mark_if_due(&packet->source, bucket, checked);
	return (struct verdict){verdict >> 16, verdict};
}

/* A source that has a permit, in a class of its own. */
static __always_inline struct verdict as_permitted(struct verdict verdict)
{
	if (!verdict.refused && verdict.what != XRL_passed_limiter_failed)
		return passed(XRL_passed_permit);
	return verdict;
}

/* By the source's bucket, or its permit. */
static __always_inline struct verdict judge_known(const struct packet *packet,
                                                  struct policy *policy, struct xrl_bucket *bucket,
                                                  struct refusal *last)
{
	struct verdict verdict;

	if (has_permit(bucket, &packet->source, policy)) {
		if (policy->class_number != policy_of(policy->generation)->permitted_class)
			return passed(XRL_passed_permit);
		return as_permitted(judge_source(packet, policy, bucket));
	}
	verdict = judge_source(packet, policy, bucket);
	if (verdict.refused && verdict.what == XRL_REASON_packets_limit)
		remember_refusal(last, &packet->source, policy, bucket);
	return verdict;
}

/* NULL, and in packet->gate what the gate says of its source then. */
static __always_inline struct xrl_bucket *ask_gate(struct packet *packet,
                                                   const struct policy *policy)
{
	struct xrl_bucket *bucket = NULL;

	int known = is_known(&packet->source);

	if (known)
		bucket = bpf_map_lookup_elem(&buckets, &packet->source);
	if (bucket) {
		if (known > 1)
			mark_known(&packet->source); /* or the bits would go with the next epoch */
		return bucket;
	}
	packet->is_newcomer = 1;
	packet->gate = judge_newcomer(packet, policy->generation);
	packet->is_newcomer = 0;
	return NULL;
}

static __always_inline int is_decided(__u64 gate)
{
	return gate_kind(gate) == GATE_PASSED || gate_kind(gate) == GATE_REFUSED;
}

static __always_inline struct verdict gate_verdict(__u64 gate)
{
	return (struct verdict){gate_kind(gate) == GATE_REFUSED, gate_what(gate)};
}

static __always_inline struct verdict judge_ipv4(struct packet *packet, struct policy *policy,
                                                 struct xrl_bucket *bucket)
{
	struct refusal *last = last_refusal();
	struct verdict verdict;

	if (packet->wants & XRL_PROTECTS && !is_protected(packet, policy->generation & 1))
		return passed(XRL_passed_not_protected);
	if (packet->kind == PACKET_IPV4 &&
	    is_refused_again(last, &packet->source, policy->generation)) {
		choose_class(policy, last->class_number);
		return refused(XRL_REASON_packets_limit);
	}
	if (__builtin_expect(is_engaged(), 0)) {
		bucket = ask_gate(packet, policy);
		if (is_decided(packet->gate)) {
			choose_class(policy, gate_class(packet->gate));
			return gate_verdict(packet->gate);
		}
	} else if (!bucket) {
		bucket = bpf_map_lookup_elem(&buckets, &packet->source);
	}
	bucket = bucket_of(bucket, packet, policy);
	if (!bucket)
		return passed(XRL_passed_limiter_failed);
	verdict = judge_known(packet, policy, bucket, last);
	if (__builtin_expect(packet->gate, 0) && !verdict.refused &&
	    gate_kind(packet->gate) == GATE_NOTED)
		return passed(XRL_MONITOR_BASE + gate_what(packet->gate));
	return verdict;
}

static __always_inline struct verdict judge(struct packet *packet, struct policy *policy,
                                            struct xrl_bucket *bucket)
{
	switch (packet->kind) {
	case PACKET_IPV4:
	case PACKET_IPV4_ICMP_ERROR:
		return judge_ipv4(packet, policy, bucket);
	case PACKET_IPV4_TRUNCATED:
		choose_default_class(policy);
		return refused(XRL_REASON_truncated);
	case PACKET_IPV4_MALFORMED:
		choose_default_class(policy);
		return refused(XRL_REASON_malformed);
	case PACKET_ARP:
		return passed(XRL_passed_arp);
	case PACKET_IPV6:
		return passed(XRL_passed_ipv6);
	default:
		return passed(XRL_passed_other);
	}
}
