/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The parser's result. */

#include "include/address.h"

enum packet_kind {
	PACKET_IPV4,
	PACKET_IPV4_ICMP_ERROR,
	PACKET_IPV4_TRUNCATED, /* the frame ends within a header */
	PACKET_IPV4_MALFORMED, /* a header contradicts itself */
	PACKET_ARP,
	PACKET_IPV6,
	PACKET_OTHER,
};

/* frame_bytes is the length on the wire without the frame check sequence. */
struct packet {
	enum packet_kind kind;
	struct xrl_address source;
	__u32 wants; /* enum xrl_wants: what to find out; the rest stays 0 */
	/* Not at a multiple of 8 bytes: there the verifier tracks the value of the length, and
	 * would follow every path to here separately. */
	__u32 frame_bytes;
	__u16 destination_port;
	__u8 protocol;        /* IPPROTO_TCP or _UDP; any other has no ports */
	__u8 has_ports;       /* 0, for example, for later fragments */
	__u8 is_connection;   /* TCP: a SYN without ACK */
	__u8 is_http_request; /* TCP: begins with an HTTP method */
	__u8 is_candidate;    /* the gate is deciding: create no bucket */
	__u8 is_carry_over;   /* the charge is for packets before this one (bucket/insert.h) */
	__u64 gate;           /* the gate's result for this source (verdict/admit.h) */
};
