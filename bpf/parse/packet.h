/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* From a frame to what the limiter wants to know of it. */

#include "bpf/parse/cursor.h"
#include "bpf/parse/http.h"
#include "bpf/limit/source_limits.h"
#include "include/address.h"

#define ETHERTYPE_IPV4 0x0800 /* RFC 894 */
#define ETHERTYPE_ARP  0x0806 /* RFC 826 */
#define ETHERTYPE_IPV6 0x86DD /* RFC 2464 */
#define ETHERTYPE_VLAN 0x8100 /* IEEE 802.1Q */
#define ETHERTYPE_QINQ 0x88A8 /* IEEE 802.1ad */

#define ETHERNET_MIN_BYTES 60 /* IEEE 802.3, without the frame check sequence */
#define MAX_VLAN_TAGS      2

#define IPV4_MIN_HEADER_WORDS 5 /* RFC 791: the header length counts words of 4 bytes */
#define IPV4_FRAGMENT_OFFSET  0x1FFF
#define IPV4_WITHOUT_OPTIONS  0x45 /* the first byte: version 4, and a header of 5 words */

enum packet_kind {
	PACKET_IPV4,
	PACKET_IPV4_ICMP_ERROR,
	PACKET_IPV4_TRUNCATED, /* the frame ends before a header does */
	PACKET_IPV4_MALFORMED, /* a header contradicts itself */
	PACKET_ARP,
	PACKET_IPV6,
	PACKET_OTHER,
};

/* frame_bytes is the length on the wire, without the frame check sequence. */
struct packet {
	enum packet_kind kind;
	struct xrl_address source;
	__u32 wants; /* enum xrl_wants: what is to be found out, the rest is left at 0 */
	/* Not at a multiple of 8: there the verifier would remember what each path to here says of
	 * the length, and follow each of them to the end. */
	__u32 frame_bytes;
	__u16 destination_port;
	__u8 protocol;        /* TCP, UDP, or one that nothing is known of */
	__u8 has_ports;       /* a fragment that isn't the first, say, has none */
	__u8 is_connection;   /* TCP: a SYN without ACK */
	__u8 is_http_request; /* TCP: begins with a method */
	__u8 is_candidate;    /* the gate is asking: no bucket is made for it */
	__u8 is_carry_over;   /* what is charged is what came before it (new_bucket.h) */
	__u64 gate;           /* what the gate has said of its source (gate.h) */
};

struct vlan_tag {
	__be16 control, ethertype;
};

/* Two pointers subtracted in 64 bits, as the verifier wants it: hence the barrier. */
static __always_inline __u32 linear_bytes(const struct xdp_md *ctx)
{
	__u64 bytes = (long)ctx->data_end - (long)ctx->data;

	asm volatile("" : "+r"(bytes));
	return bytes;
}

static __always_inline int is_vlan(__be16 ethertype)
{
	return ethertype == bpf_htons(ETHERTYPE_VLAN) || ethertype == bpf_htons(ETHERTYPE_QINQ);
}

/* The type behind Ethernet and up to two tags, in network order. 0: the frame ends within
 * them, so there is no telling. */
static __always_inline __be16 parse_ethernet(struct cursor *frame)
{
	struct ethhdr eth_copy, *eth = cursor_take(frame, sizeof(*eth), &eth_copy);
	__be16 ethertype;

	if (!eth)
		return 0;
	ethertype = eth->h_proto;
#pragma unroll
	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		struct vlan_tag tag_copy, *tag;

		if (!is_vlan(ethertype))
			break;
		tag = cursor_take(frame, sizeof(*tag), &tag_copy);
		ethertype = tag ? tag->ethertype : 0;
	}
	return ethertype;
}

/* The errors of RFC 1122, section 3.2.2: what a host must be told, path MTU among them. */
static __always_inline int is_icmp_error(__u8 type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

XRL_GLOBAL_FUNC int http_begins_request_call(__u64 start)
{
	return http_begins_request(start);
}

/* Truncated: what the lengths promise is not in this buffer. */
static __always_inline enum packet_kind parse_http(struct cursor *frame, const struct tcphdr *tcp,
                                                   __u32 payload_bytes, struct packet *packet)
{
	__u32 header_bytes = tcp->doff * 4;
	__u8 copy[HTTP_METHOD_BYTES], *start;
	__u64 word = 0;

	if (header_bytes < sizeof(*tcp) || payload_bytes < header_bytes + HTTP_METHOD_BYTES)
		return PACKET_IPV4;
	cursor_skip(frame, (header_bytes - sizeof(*tcp)) & 0x3C);
	start = cursor_take(frame, HTTP_METHOD_BYTES, copy);
	if (!start)
		return PACKET_IPV4_TRUNCATED;
#pragma unroll
	for (int i = HTTP_METHOD_BYTES - 1; i >= 0; i--)
		word = word << 8 | start[i];
	/* A call is what costs here, so most other segments do without. */
	if ((__u8)(word - 'C') <= 'T' - 'C')
		packet->is_http_request = http_begins_request_call(word);
	return PACKET_IPV4;
}

/* A TCP header cut off in the first fragment would hide its SYN (RFC 1858), and no stack
 * takes one that is cut off in a whole packet: both are refused. */
static __always_inline enum packet_kind parse_tcp(struct cursor *frame, __u32 payload_bytes,
                                                  struct packet *packet)
{
	struct tcphdr copy, *tcp;

	if (payload_bytes < sizeof(*tcp))
		return PACKET_IPV4_TRUNCATED;
	tcp = cursor_take(frame, sizeof(*tcp), &copy);
	if (!tcp)
		return PACKET_IPV4_TRUNCATED;
	packet->is_connection = tcp->syn && !tcp->ack;
	packet->destination_port = bpf_ntohs(tcp->dest);
	packet->has_ports = 1;
	if (packet->wants & XRL_WANTS_HTTP)
		return parse_http(frame, tcp, payload_bytes, packet);
	return PACKET_IPV4;
}

/* One that is cut short by its sender has no ports, and nobody will read it. */
static __always_inline enum packet_kind parse_udp(struct cursor *frame, __u32 payload_bytes,
                                                  struct packet *packet)
{
	struct udphdr copy, *udp;

	if (payload_bytes < sizeof(*udp))
		return PACKET_IPV4;
	udp = cursor_take(frame, sizeof(*udp), &copy);
	if (!udp)
		return PACKET_IPV4_TRUNCATED;
	packet->destination_port = bpf_ntohs(udp->dest);
	packet->has_ports = 1;
	return PACKET_IPV4;
}

static __always_inline enum packet_kind parse_icmp(struct cursor *frame, __u32 payload_bytes)
{
	struct icmphdr copy, *icmp;

	if (payload_bytes < sizeof(*icmp))
		return PACKET_IPV4_TRUNCATED;
	icmp = cursor_take(frame, sizeof(*icmp), &copy);
	if (!icmp)
		return PACKET_IPV4_TRUNCATED;
	return is_icmp_error(icmp->type) ? PACKET_IPV4_ICMP_ERROR : PACKET_IPV4;
}

/* The length in all buffers. The helper (5.18) costs 7 ns, a quarter of a look-up. */
static __always_inline __u32 whole_frame_bytes(struct xdp_md *ctx, int may_have_frags)
{
	return may_have_frags ? bpf_xdp_get_buff_len(ctx) : linear_bytes(ctx);
}

/* Where the first buffer ends with the packet, or with the padding of Ethernet's smallest
 * frame, there is no other buffer, and nothing to ask. */
static __always_inline int ends_with_packet(__u32 linear, __u32 packet_end)
{
	if (__builtin_expect(linear == packet_end, 1))
		return 1;
	return linear == ETHERNET_MIN_BYTES && packet_end < linear;
}

static __always_inline __u32 ipv4_frame_bytes(struct xdp_md *ctx, int may_have_frags,
                                              __u32 packet_end)
{
	__u32 linear = linear_bytes(ctx);

	if (ends_with_packet(linear, packet_end))
		return linear;
	return whole_frame_bytes(ctx, may_have_frags);
}

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
	/* merged segments of more than 16 bits can say (6.3: "BIG TCP" for IPv4) */
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
	/* the mask tells the verifier what the 4 bits of the header length allow */
	cursor_skip(frame, (header_bytes - sizeof(*ip)) & 0x3C);
	if (ip->protocol == IPPROTO_TCP)
		return parse_tcp(frame, total_bytes - header_bytes, packet);
	if (ip->protocol == IPPROTO_ICMP)
		return parse_icmp(frame, total_bytes - header_bytes);
	if (ip->protocol == IPPROTO_UDP && packet->wants & XRL_WANTS_PORTS)
		return parse_udp(frame, total_bytes - header_bytes, packet);
	return PACKET_IPV4;
}

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

/* What could not be made out in the first buffer, if there are others. */
XRL_GLOBAL_FUNC int parse_split(struct xdp_md *ctx, struct packet *packet)
{
	if (!packet)
		return 0;
	packet->frame_bytes = bpf_xdp_get_buff_len(ctx);
	if (packet->frame_bytes > linear_bytes(ctx))
		parse_frame(ctx, 1, 1, packet);
	return 0;
}

/* packet->wants says what is to be found out, all else in it is 0. */
static __always_inline void parse(struct xdp_md *ctx, int may_have_frags, struct packet *packet)
{
	parse_frame(ctx, may_have_frags, 0, packet);
	if (may_have_frags &&
	    (packet->kind == PACKET_IPV4_TRUNCATED || packet->kind == PACKET_OTHER))
		parse_split(ctx, packet);
}
