/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The usual packet, and what usually becomes of it. Most packets of most policies are of a kind of
 * which nothing is wanted but source and length, and the source's bucket has room, or is full. That
 * is decided here in a straight line. The general way (packet.h, verdict.h) takes longer, knows all
 * cases, and would say the same of these. */

#include "bpf/verdict/action.h"
#include "bpf/bucket/reject_cache.h"
#include "bpf/parse/packet.h"
#include "bpf/verdict/simple.h"

struct common_frame {
	struct xrl_address source;
	__u32 frame_bytes;
};

/* Without VLAN tag and IPv4 options, all of it in the first buffer, and with room for a whole TCP
 * header if it is one; no ICMP, of which the type would be wanted. A fragment may be usual, too: of
 * later ones no more than this is known anyway. */
static __always_inline int is_common_frame(const struct xdp_md *ctx, struct common_frame *common)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;
	const struct iphdr *ip = (void *)(eth + 1);
	__u32 linear = linear_bytes(ctx), total_bytes;

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return 0;
	if (eth->h_proto != bpf_htons(ETHERTYPE_IPV4) || *(__u8 *)ip != IPV4_WITHOUT_OPTIONS ||
	    ip->protocol == IPPROTO_ICMP)
		return 0;
	total_bytes = bpf_ntohs(ip->tot_len);
	if (total_bytes < sizeof(*ip) ||
	    (ip->protocol == IPPROTO_TCP && total_bytes < sizeof(*ip) + sizeof(struct tcphdr)))
		return 0;
	if (!ends_with_packet(linear, sizeof(*eth) + total_bytes))
		return 0;
	common->frame_bytes = linear;
	__builtin_memcpy(&common->source, &ip->saddr, sizeof(common->source));
	return 1;
}

/* XRL_RETRY, unless the bucket is resolved for this policy, there is no permit, and the class is
 * plain. */
static __always_inline enum xrl_result charge_fast(struct xrl_bucket *bucket, struct policy *policy,
                                                   const struct xrl_address *source)
{
	xrl_packed classification = xrl_classification_read(bucket);

	if ((__u32)classification != policy->generation ||
	    classification & XRL_CLASSIFICATION_PERMIT)
		return XRL_RETRY;
	choose_class(policy, classification_class(classification));
	return policy->class->is_plain ? charge_simple(bucket, policy->class, source, 1)
	                               : XRL_RETRY;
}

#define VERDICT_UNDECIDED XDP_ABORTED

/* VERDICT_UNDECIDED: it isn't as usual as that, and the general way decides. That is told of a
 * bucket that was found; a source without one is looked up again, which is little beside making
 * one. */
static __always_inline int limit_fast(struct xdp_md *ctx, const struct common_frame *common,
                                      __u32 generation, struct xrl_bucket **bucket)
{
	struct policy policy = {.generation = generation};
	struct reject_entry *entry = reject_cache_entry();
	enum xrl_result result;

	if (reject_cache_hit(entry, &common->source, generation)) {
		choose_class(&policy, entry->class_number);
		return reject(ctx, &policy, XRL_REASON_packets_limit, common->frame_bytes);
	}
	if (engaged_until())
		return VERDICT_UNDECIDED;
	*bucket = bpf_map_lookup_elem(&buckets, &common->source);
	result = *bucket ? charge_fast(*bucket, &policy, &common->source) : XRL_RETRY;
	if (result == XRL_OVER_LIMIT) {
		reject_cache_update(entry, &common->source, &policy, *bucket);
		return reject(ctx, &policy, XRL_REASON_packets_limit, common->frame_bytes);
	}
	if (result != XRL_PASS)
		return VERDICT_UNDECIDED;
	counter_add(XRL_passed_within_limits, common->frame_bytes);
	return XDP_PASS;
}
