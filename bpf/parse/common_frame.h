/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The frames that the fast path handles, recognized without the parser. parse.h would find the same
 * in them. */

#include "bpf/parse/ipv4.h"

struct common_frame {
	struct xrl_address source;
	__u32 frame_bytes;
};

/* True for IPv4 without VLAN tags and options, complete in the first buffer, with room for a full
 * TCP header if it is TCP. ICMP is excluded because its type matters. Fragments qualify: of later
 * ones the parser knows no more, either. */
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
