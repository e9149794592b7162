/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The IPv4 header. */

#include "bpf/parse/ethernet.h"
#include "bpf/parse/transport.h"

#define IPV4_MIN_HEADER_WORDS 5 /* RFC 791: the header length counts 32-bit words */
#define IPV4_FRAGMENT_OFFSET  0x1FFF
#define IPV4_WITHOUT_OPTIONS  0x45 /* the first byte: version 4, a header of 5 words */

static __always_inline __u32 ipv4_frame_bytes(struct xdp_md *ctx, int may_have_frags,
                                              __u32 packet_end)
{
	__u32 linear = linear_bytes(ctx);

	if (ends_with_packet(linear, packet_end))
		return linear;
	return whole_frame_bytes(ctx, may_have_frags);
}

/* The cursor is at the IPv4 header. Fills in what packet->wants asks for. */
static __always_inline enum packet_kind parse_ipv4(struct cursor *frame, int may_have_frags,
                                                   struct packet *packet)
{
	__u32 link_bytes = frame->offset, header_bytes, total_bytes;
	struct iphdr copy, *ip = cursor_take(frame, sizeof(*ip), &copy);

	if (!ip)
		return PACKET_IPV4_TRUNCATED;
	header_bytes = ip->ihl * 4;
	total_bytes = bpf_ntohs(ip->tot_len);
	packet->frame_bytes =
		ipv4_frame_bytes(frame->ctx, may_have_frags, link_bytes + total_bytes);
	/* merged segments longer than 16 bits can express (6.3: "BIG TCP" for IPv4) */
	if (!total_bytes && packet->frame_bytes - link_bytes > 0xFFFF)
		total_bytes = packet->frame_bytes - link_bytes;
	if (ip->version != 4 || ip->ihl < IPV4_MIN_HEADER_WORDS || total_bytes < header_bytes)
		return PACKET_IPV4_MALFORMED;
	if (link_bytes + total_bytes > packet->frame_bytes)
		return PACKET_IPV4_TRUNCATED;

	__builtin_memcpy(&packet->source, &ip->saddr, sizeof(packet->source));
	packet->protocol = ip->protocol;
	if (ip->frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET))
		return PACKET_IPV4; /* RFC 791: only the first fragment has the next header */
	/* the mask bounds the header length for the verifier: 4 bits of words */
	cursor_skip(frame, (header_bytes - sizeof(*ip)) & 0x3C);
	if (ip->protocol == IPPROTO_TCP)
		return parse_tcp(frame, total_bytes - header_bytes, packet);
	if (ip->protocol == IPPROTO_ICMP)
		return parse_icmp(frame, total_bytes - header_bytes);
	if (ip->protocol == IPPROTO_UDP && packet->wants & XRL_WANTS_PORTS)
		return parse_udp(frame, total_bytes - header_bytes, packet);
	return PACKET_IPV4;
}
