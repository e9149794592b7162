/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Frames as data. Fields left at zero take the values that an ordinary host would send. */

#include <linux/types.h>

#include "include/address.h"

#define FRAME_ROOM       16384
#define FRAME_MAX_TAGS   3
#define FRAME_LINK_BYTES 14
#define FRAME_TAG_BYTES  4
#define FRAME_IPV4_BYTES 20
#define FRAME_PORT       443

#define FRAME_SYN 0x02
#define FRAME_RST 0x04
#define FRAME_PSH 0x08
#define FRAME_ACK 0x10
#define FRAME_FIN 0x01

#define FRAME_LAST_FRAGMENT  0x0001 /* offset 8, no more fragments */
#define FRAME_MORE_FRAGMENTS 0x2000 /* the first one */
#define FRAME_DONT_FRAGMENT  0x4000

#define FRAME_TOTAL_ZERO (-1)

struct frame_spec {
	__u16 tags[FRAME_MAX_TAGS]; /* ethertypes of the VLAN tags, outermost first, up to a 0 */
	__u16 ethertype;            /* after the tags; 0: IPv4 */
	__u8 version_ihl;           /* first byte of the IPv4 header; 0: the correct one */
	__u8 options_bytes;
	int total_bytes; /* total length in the IPv4 header; 0: the correct one */
	__u16 fragment;  /* flags and offset */
	__u8 protocol;   /* 0: UDP */
	__u8 tcp_flags;
	__u8 tcp_options_bytes;
	__u8 icmp_type;
	__u16 destination_port; /* 0: 443 */
	__u16 payload_bytes;    /* after the transport header, or after the ethertype */
	const char *payload;    /* its first bytes, at most payload_bytes; NULL: zeros */
	__u16 frame_bytes;      /* pads or cuts the frame to this length; 0: neither */
	struct xrl_address source;
};

/* The length of the Ethernet header with its tags, and of all headers. */
__u32 frame_link_bytes(const struct frame_spec *spec);
__u32 frame_header_bytes(const struct frame_spec *spec);

/* Returns the length. The buffer must hold FRAME_ROOM bytes. */
__u32 frame_build(const struct frame_spec *spec, unsigned char *frame);
