/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* From a frame to a struct packet. */

#include "bpf/parse/ipv4.h"

/* `copies`: read all buffers by copy, not the first one in place. */
static __always_inline void parse_frame(struct xdp_md *ctx, int may_have_frags, int copies,
                                        struct packet *packet)
{
	struct cursor frame = {
		.ctx = ctx,
		.at = (void *)(long)ctx->data,
		.end = (void *)(long)ctx->data_end,
		.copies = copies,
	};
	__be16 ethertype = parse_ethernet(&frame);

	packet->frame_bytes = linear_bytes(ctx);
	if (ethertype == bpf_htons(ETHERTYPE_IPV4)) {
		packet->kind = parse_ipv4(&frame, may_have_frags, packet);
		return;
	}
	packet->frame_bytes = whole_frame_bytes(ctx, may_have_frags);
	if (ethertype == bpf_htons(ETHERTYPE_ARP))
		packet->kind = PACKET_ARP;
	else if (ethertype == bpf_htons(ETHERTYPE_IPV6))
		packet->kind = PACKET_IPV6;
	else
		packet->kind = PACKET_OTHER;
}

/* Parses again, by copy, a frame of several buffers that the first buffer did not suffice for. */
XRL_GLOBAL_FUNC int parse_split(struct xdp_md *ctx, struct packet *packet)
{
	if (!packet)
		return 0;
	packet->frame_bytes = bpf_xdp_get_buff_len(ctx);
	if (packet->frame_bytes > linear_bytes(ctx))
		parse_frame(ctx, 1, 1, packet);
	return 0;
}

/* Fills in *packet. Only `wants` is set before; all other fields are 0. */
static __always_inline void parse(struct xdp_md *ctx, int may_have_frags, struct packet *packet)
{
	parse_frame(ctx, may_have_frags, 0, packet);
	if (may_have_frags &&
	    (packet->kind == PACKET_IPV4_TRUNCATED || packet->kind == PACKET_OTHER))
		parse_split(ctx, packet);
}
