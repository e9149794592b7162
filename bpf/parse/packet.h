/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What the parser finds out about a frame. */

#include "include/address.h"

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
