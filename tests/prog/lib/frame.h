/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Frames as data: what is left at zero is as a decent host sends it. */

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

#define FRAME_LAST_FRAGMENT  0x0001 /* offset 8, nothing follows */
#define FRAME_MORE_FRAGMENTS 0x2000 /* the first one */
#define FRAME_DONT_FRAGMENT  0x4000

#define FRAME_TOTAL_ZERO (-1)

struct frame_spec {
	__u16 tags[FRAME_MAX_TAGS]; /* the ethertypes of VLAN tags from the outside, up to a 0 */
	__u16 ethertype;            /* of what is behind them; 0: IPv4 */
	__u8 version_ihl;           /* the first byte of the IPv4 header; 0: the right one */
	__u8 options_bytes;
	int total_bytes; /* that the IPv4 header claims; 0: the right ones */
	__u16 fragment;  /* flags and offset */
	__u8 protocol;   /* 0: UDP */
	__u8 tcp_flags;
	__u8 tcp_options_bytes;
	__u8 icmp_type;
	__u16 destination_port; /* 0: 443 */
	__u16 payload_bytes;    /* behind the transport header, or behind the ethertype */
	const char *payload;    /* what it begins with, up to payload_bytes; NULL: zeros */
	__u16 frame_bytes;      /* pads or cuts it; 0: neither */
	struct xrl_address source;
};

/* Where the headers end. */
__u32 frame_link_bytes(const struct frame_spec *spec);
__u32 frame_header_bytes(const struct frame_spec *spec);

/* Returns the length. The buffer has FRAME_ROOM. */
__u32 frame_build(const struct frame_spec *spec, unsigned char *frame);
