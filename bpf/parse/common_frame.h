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

struct usual {
	struct xrl_address source;
	__u32 frame_bytes;
};

/* Without VLAN tag and IPv4 options, all of it in the first buffer, and with room for a whole TCP
 * header if it is one; no ICMP, of which the type would be wanted. A fragment may be usual, too: of
 * later ones no more than this is known anyway. */
static __always_inline int is_usual(const struct xdp_md *ctx, struct usual *usual)
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
	usual->frame_bytes = linear;
	__builtin_memcpy(&usual->source, &ip->saddr, sizeof(usual->source));
	return 1;
}

/* XRL_AGAIN, unless the bucket is resolved for this policy, there is no permit, and the class is
 * plain. */
static __always_inline enum xrl_answer
charge_usual(struct xrl_bucket *bucket, struct policy *policy, const struct xrl_address *source)
{
	xrl_word resolved = xrl_resolved_read(bucket);

	if ((__u32)resolved != policy->generation || resolved & XRL_RESOLVED_PERMIT)
		return XRL_AGAIN;
	choose_class(policy, resolved_class(resolved));
	return policy->class->is_plain ? charge_plain(bucket, policy->class, source, 1) : XRL_AGAIN;
}

#define NOT_DECIDED XDP_ABORTED

/* NOT_DECIDED: it isn't as usual as that, and the general way decides. That is told of a bucket
 * that was found; a source without one is looked up again, which is little beside making one. */
static __always_inline int limit_usual(struct xdp_md *ctx, const struct usual *usual,
                                       __u32 generation, struct xrl_bucket **bucket)
{
	struct policy policy = {.generation = generation};
	struct refusal *last = last_refusal();
	enum xrl_answer answer;

	if (is_refused_again(last, &usual->source, generation)) {
		choose_class(&policy, last->class_number);
		return refuse(ctx, &policy, XRL_REASON_packets_limit, usual->frame_bytes);
	}
	if (engaged_until())
		return NOT_DECIDED;
	*bucket = bpf_map_lookup_elem(&buckets, &usual->source);
	answer = *bucket ? charge_usual(*bucket, &policy, &usual->source) : XRL_AGAIN;
	if (answer == XRL_REFUSED) {
		remember_refusal(last, &usual->source, &policy, *bucket);
		return refuse(ctx, &policy, XRL_REASON_packets_limit, usual->frame_bytes);
	}
	if (answer != XRL_ALLOWED)
		return NOT_DECIDED;
	count(XRL_passed_within_limits, usual->frame_bytes);
	return XDP_PASS;
}
