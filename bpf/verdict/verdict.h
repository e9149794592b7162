/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The slow path: decides on every kind of packet. A verdict names the counter to add to. */

#include "bpf/bucket/insert.h"
#include "bpf/bucket/permit.h"
#include "bpf/bucket/reject_cache.h"
#include "bpf/bucket/scoped.h"
#include "bpf/gate/pressure.h"
#include "bpf/gate/residents.h"
#include "bpf/limit/source_limits.h"
#include "bpf/parse/protected_ports.h"
#include "bpf/verdict/admit.h"
#include "bpf/verdict/simple.h"

/* Fits one number, which a global function can return. */
struct verdict {
	__u16 rejected; /* 2: by a bucket shared with other sources */
	__u16 what;     /* rejected: an xrl_reason; else an xrl_counter */
};

static __always_inline struct verdict passed(enum xrl_counter counter)
{
	return (struct verdict){0, counter};
}

static __always_inline struct verdict rejected(enum xrl_reason reason)
{
	return (struct verdict){1, reason};
}

static __always_inline struct verdict rejected_by(enum xrl_reason reason, __u32 result)
{
	return rejected((result & 0xFF) == XRL_RETRY ? XRL_REASON_contention : reason);
}

static __always_inline struct verdict decide_icmp_error(struct xrl_bucket *bucket,
                                                        const struct xrl_class *class)
{
	enum xrl_result result = xrl_charge_icmp_error(bucket, class);

	if (result < XRL_OVER_LIMIT)
		return passed(XRL_passed_icmp_error);
	return rejected_by(XRL_REASON_icmp_errors_limit, result);
}

/* The scoped limits, provided that the source's own have room. */
static __always_inline __u32 charge_scoped_limits(const struct packet *packet,
                                                  struct xrl_bucket *bucket,
                                                  const struct xrl_class *class,
                                                  const struct xrl_cost *cost,
                                                  struct scoped_receipt *receipt, __u32 generation)
{
	__u32 concerned, result;
	__u64 now_ns;

	concerned = count_scoped(packet, class, cost);
	if (!concerned)
		return XRL_PASS;
	result = xrl_check_all(bucket, class, cost, &now_ns);
	if ((result & 0xFF) != XRL_OVER_LIMIT && concerned > 1)
		result = check_all_scoped(packet, class, cost, generation);
	if ((result & 0xFF) != XRL_OVER_LIMIT)
		result = charge_all_scoped(packet, class, cost, receipt, generation);
	return result;
}

/* All limits that concern the packet, in the order that scoped.h explains. */
static __always_inline __u32 charge(const struct packet *packet, struct xrl_bucket *bucket,
                                    const struct xrl_class *class, __u32 generation)
{
	struct xrl_cost cost = packet_cost(packet);
	struct scoped_receipt receipt;
	__u32 scoped = XRL_PASS, own;

	__builtin_memset(&receipt, 0xFF, sizeof(receipt)); /* XRL_NOT_CHARGED */
	if (class->separate_count)
		scoped = charge_scoped_limits(packet, bucket, class, &cost, &receipt, generation);
	if ((scoped & 0xFF) >= XRL_OVER_LIMIT)
		return scoped;
	own = xrl_charge(bucket, class, &cost);
	if ((own & 0xFF) >= XRL_OVER_LIMIT && class->separate_count)
		refund_all_scoped(packet, class, &cost, &receipt, generation);
	return (own & 0xFF) >= XRL_OVER_LIMIT ? own : own | scoped;
}

static __always_inline struct verdict decide_limits(const struct packet *packet,
                                                    struct xrl_bucket *bucket,
                                                    const struct xrl_class *class, __u32 generation)
{
	__u32 result = charge(packet, bucket, class, generation);
	struct verdict verdict;

	if ((result & 0xFF) >= XRL_OVER_LIMIT) {
		verdict = rejected_by(XRL_REASON_packets_limit + (result >> 16 & (XRL_UNITS - 1)),
		                      result);
		verdict.rejected += !!(result & SCOPED_SHARED);
		return verdict;
	}
	if (result & SCOPED_NO_BUCKET)
		return passed(XRL_passed_limiter_failed);
	return passed(result & XRL_PASS_NEAR ? XRL_passed_near_limit : XRL_passed_within_limits);
}

static __always_inline int is_trusted(const struct xrl_class *class)
{
	return !class->limit_count && !class->separate_count;
}

static __always_inline struct verdict decide_by_class(const struct packet *packet,
                                                      struct xrl_bucket *bucket,
                                                      const struct xrl_class *class,
                                                      __u32 generation)
{
	struct verdict verdict;

	if (is_trusted(class))
		return passed(XRL_passed_trusted);
	if (packet->kind == PACKET_IPV4_ICMP_ERROR)
		return decide_icmp_error(bucket, class);
	if (xrl_has_penalty(xrl_classification_read(bucket)) && xrl_penalty_ns(bucket, class))
		return rejected(XRL_REASON_penalty);
	verdict = decide_limits(packet, bucket, class, generation);
	/* contention is no excess, and no source is punished for what others used */
	if (verdict.rejected == 1 && verdict.what != XRL_REASON_contention &&
	    class->penalty.period_ns)
		xrl_begin_penalty(bucket, class, generation);
	return verdict;
}

/* Returns a struct verdict. */
XRL_GLOBAL_FUNC __u32 decide_slow(const struct packet *packet, struct xrl_bucket *bucket,
                                  const struct xrl_class *class, __u32 generation)
{
	struct verdict verdict = passed(XRL_passed_limiter_failed);

	if (packet && bucket && class)
		verdict = decide_by_class(packet, bucket, class, generation);
	return verdict.rejected << 16 | verdict.what;
}

/* Decides on the simple case in line, on all others by a call. */
static __always_inline struct verdict
decide_source(const struct packet *packet, const struct policy *policy, struct xrl_bucket *bucket)
{
	enum xrl_result result = XRL_RETRY;
	__u32 verdict, checked;

	if (policy->class->is_plain && packet->kind == PACKET_IPV4)
		result = charge_simple(bucket, policy->class, &packet->source, 0);
	if (result == XRL_PASS)
		return passed(XRL_passed_within_limits);
	if (result == XRL_OVER_LIMIT)
		return rejected(XRL_REASON_packets_limit);
	checked = read_checked(bucket);
	verdict = decide_slow(packet, bucket, policy->class, policy->generation);
	residents_readd_if_due(&packet->source, bucket, checked);
	return (struct verdict){verdict >> 16, verdict};
}

/* The verdict on a source with a permit, if permitted sources have a class with limits. */
static __always_inline struct verdict as_permitted(struct verdict verdict)
{
	if (!verdict.rejected && verdict.what != XRL_passed_limiter_failed)
		return passed(XRL_passed_permit);
	return verdict;
}

/* Decides by the source's bucket or its permit. */
static __always_inline struct verdict decide_by_bucket(const struct packet *packet,
                                                       struct policy *policy,
                                                       struct xrl_bucket *bucket,
                                                       struct reject_entry *entry)
{
	struct verdict verdict;

	if (has_permit(bucket, &packet->source, policy)) {
		if (policy->class_number != policy_of(policy->generation)->permitted_class)
			return passed(XRL_passed_permit);
		return as_permitted(decide_source(packet, policy, bucket));
	}
	verdict = decide_source(packet, policy, bucket);
	if (verdict.rejected && verdict.what == XRL_REASON_packets_limit)
		reject_cache_update(entry, &packet->source, policy, bucket);
	return verdict;
}

/* Returns the source's bucket, or NULL with the gate's result in packet->gate. */
static __always_inline struct xrl_bucket *gate_check(struct packet *packet,
                                                     const struct policy *policy)
{
	struct xrl_bucket *bucket = NULL;

	int resident = maybe_resident(&packet->source);

	if (resident)
		bucket = bpf_map_lookup_elem(&buckets, &packet->source);
	if (bucket) {
		if (resident > 1)
			residents_add(&packet->source); /* or its bits would be discarded with the
			                                   next epoch */
		return bucket;
	}
	packet->is_candidate = 1;
	packet->gate = decide_candidate(packet, policy->generation);
	packet->is_candidate = 0;
	return NULL;
}

/* True if the gate has decided, and no bucket is needed. */
static __always_inline int gate_is_final(__u64 gate)
{
	return gate_kind(gate) == GATE_PASS || gate_kind(gate) == GATE_REJECT;
}

static __always_inline struct verdict gate_verdict(__u64 gate)
{
	return (struct verdict){gate_kind(gate) == GATE_REJECT, gate_what(gate)};
}

static __always_inline struct verdict decide_ipv4(struct packet *packet, struct policy *policy,
                                                  struct xrl_bucket *bucket)
{
	struct reject_entry *entry = reject_cache_entry();
	struct verdict verdict;

	if (packet->wants & XRL_PROTECTS &&
	    !is_protected(packet, &protected_ports[policy->generation & 1]))
		return passed(XRL_passed_not_protected);
	if (packet->kind == PACKET_IPV4 &&
	    reject_cache_hit(entry, &packet->source, policy->generation)) {
		choose_class(policy, entry->class_number);
		return rejected(XRL_REASON_packets_limit);
	}
	if (__builtin_expect(is_engaged(), 0)) {
		bucket = gate_check(packet, policy);
		if (gate_is_final(packet->gate)) {
			choose_class(policy, gate_class(packet->gate));
			return gate_verdict(packet->gate);
		}
	} else if (!bucket) {
		bucket = bpf_map_lookup_elem(&buckets, &packet->source);
	}
	bucket = bucket_of(bucket, packet, policy);
	if (!bucket)
		return passed(XRL_passed_limiter_failed);
	verdict = decide_by_bucket(packet, policy, bucket, entry);
	if (__builtin_expect(packet->gate, 0) && !verdict.rejected &&
	    gate_kind(packet->gate) == GATE_WOULD_REJECT)
		return passed(XRL_MONITOR_BASE + gate_what(packet->gate));
	return verdict;
}

static __always_inline struct verdict decide(struct packet *packet, struct policy *policy,
                                             struct xrl_bucket *bucket)
{
	switch (packet->kind) {
	case PACKET_IPV4:
	case PACKET_IPV4_ICMP_ERROR:
		return decide_ipv4(packet, policy, bucket);
	case PACKET_IPV4_TRUNCATED:
		choose_default_class(policy);
		return rejected(XRL_REASON_truncated);
	case PACKET_IPV4_MALFORMED:
		choose_default_class(policy);
		return rejected(XRL_REASON_malformed);
	case PACKET_ARP:
		return passed(XRL_passed_arp);
	case PACKET_IPV6:
		return passed(XRL_passed_ipv6);
	default:
		return passed(XRL_passed_other);
	}
}
