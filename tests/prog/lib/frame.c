// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tests/prog/lib/frame.h"

#include <netinet/in.h>
#include <string.h>

#define ETHERTYPE_IPV4 0x0800
#define TCP_BYTES      20
#define OTHER_BYTES    8 /* UDP, ICMP, and enough of anything else */

static const __u8 macs[12] = {0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x02};

static void put16(unsigned char *at, __u32 value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static __u32 protocol_of(const struct shape *shape)
{
	return shape->protocol ? shape->protocol : IPPROTO_UDP;
}

static int is_ipv4(const struct shape *shape)
{
	return !shape->ethertype || shape->ethertype == ETHERTYPE_IPV4;
}

static __u32 transport_bytes(const struct shape *shape)
{
	return protocol_of(shape) == IPPROTO_TCP ? TCP_BYTES + shape->tcp_options_bytes
	                                         : OTHER_BYTES;
}

__u32 frame_link_bytes(const struct shape *shape)
{
	__u32 tags = 0;

	while (tags < FRAME_MAX_TAGS && shape->tags[tags])
		tags++;
	return FRAME_LINK_BYTES + tags * FRAME_TAG_BYTES;
}

__u32 frame_header_bytes(const struct shape *shape)
{
	__u32 bytes = frame_link_bytes(shape);

	if (!is_ipv4(shape))
		return bytes;
	return bytes + FRAME_IPV4_BYTES + shape->options_bytes + transport_bytes(shape);
}

static unsigned char *put_link(const struct shape *shape, unsigned char *at)
{
	memcpy(at, macs, sizeof(macs));
	at += sizeof(macs);
	for (int i = 0; i < FRAME_MAX_TAGS && shape->tags[i]; i++) {
		put16(at, shape->tags[i]);
		put16(at + 2, 100 + i);
		at += FRAME_TAG_BYTES;
	}
	put16(at, shape->ethertype ? shape->ethertype : ETHERTYPE_IPV4);
	return at + 2;
}

/* All fragments carry the same bytes: one that isn't the first must not be believed. */
static void put_transport(const struct shape *shape, unsigned char *at)
{
	__u32 bytes = transport_bytes(shape);

	put16(at, 40000);
	put16(at + 2, shape->destination_port ? shape->destination_port : FRAME_PORT);
	if (protocol_of(shape) == IPPROTO_TCP) {
		at[12] = bytes / 4 << 4;
		at[13] = shape->tcp_flags;
		memset(at + TCP_BYTES, 1, shape->tcp_options_bytes); /* NOP */
	} else if (protocol_of(shape) == IPPROTO_ICMP) {
		at[0] = shape->icmp_type;
		at[1] = 0;
	} else {
		put16(at + 4, OTHER_BYTES + shape->payload_bytes);
	}
	if (shape->payload)
		memcpy(at + bytes, shape->payload, strnlen(shape->payload, shape->payload_bytes));
}

static void put_ipv4(const struct shape *shape, unsigned char *at)
{
	static const __u8 destination[4] = {192, 0, 2, 1};
	__u32 header_bytes = FRAME_IPV4_BYTES + shape->options_bytes;
	__u32 total_bytes = header_bytes + transport_bytes(shape) + shape->payload_bytes;

	if (shape->total_bytes)
		total_bytes = shape->total_bytes == FRAME_TOTAL_ZERO ? 0 : shape->total_bytes;
	at[0] = shape->version_ihl ? shape->version_ihl : 0x40 | header_bytes / 4;
	put16(at + 2, total_bytes);
	put16(at + 6, shape->fragment);
	at[8] = 64;
	at[9] = protocol_of(shape);
	memcpy(at + 12, &shape->source, sizeof(shape->source));
	memcpy(at + 16, destination, sizeof(destination));
	memset(at + FRAME_IPV4_BYTES, 1, shape->options_bytes); /* NOP */
	put_transport(shape, at + header_bytes);
}

__u32 frame_build(const struct shape *shape, unsigned char *frame)
{
	unsigned char *at;

	memset(frame, 0, FRAME_ROOM);
	at = put_link(shape, frame);
	if (is_ipv4(shape))
		put_ipv4(shape, at);
	if (shape->frame_bytes)
		return shape->frame_bytes;
	return frame_header_bytes(shape) + shape->payload_bytes;
}
