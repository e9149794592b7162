/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* TCP, UDP, ICMP, and the start of an HTTP request. */

#include "bpf/parse/cursor.h"
#include "bpf/parse/http.h"
#include "bpf/parse/packet.h"
#include "bpf/verifier.h"
#include "include/policy.h"

/* The errors that a host must process (RFC 1122, section 3.2.2), path MTU discovery among them. */
static __always_inline int is_icmp_error(__u8 type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

XRL_GLOBAL_FUNC int http_begins_request_call(__u64 start)
{
	return http_begins_request(start);
}

/* Returns PACKET_IPV4_TRUNCATED if this buffer ends before the bytes that the lengths announce. */
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
	XRL_UNROLL
	for (int i = HTTP_METHOD_BYTES - 1; i >= 0; i--)
		word = word << 8 | start[i];
	/* The call is the expensive part: most other segments avoid it. */
	if ((__u8)(word - 'C') <= 'T' - 'C')
		packet->is_http_request = http_begins_request_call(word);
	return PACKET_IPV4;
}

/* A TCP header that ends in the first fragment would hide its SYN (RFC 1858), and no stack accepts
 * a whole packet with an incomplete one: both are rejected as truncated. */
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

/* A UDP header that the sender cut short has no ports, and no stack accepts it. */
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
