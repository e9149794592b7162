// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tests/prog/lib/frame.h"

#include <netinet/in.h>
#include <string.h>

#define ETHERTYPE_IPV4 0x0800
#define TCP_BYTES      20
#define OTHER_BYTES    8 /* UDP, ICMP, and long enough for any other protocol */

static const __u8 macs[12] = {0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x02};

static void put16(unsigned char *at, __u32 value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static __u32 protocol_of(const struct frame_spec *spec)
{
	return spec->protocol ? spec->protocol : IPPROTO_UDP;
}

static int is_ipv4(const struct frame_spec *spec)
{
	return !spec->ethertype || spec->ethertype == ETHERTYPE_IPV4;
}

static __u32 transport_bytes(const struct frame_spec *spec)
{
	return protocol_of(spec) == IPPROTO_TCP ? TCP_BYTES + spec->tcp_options_bytes : OTHER_BYTES;
}

__u32 frame_link_bytes(const struct frame_spec *spec)
{
	__u32 tags = 0;

	while (tags < FRAME_MAX_TAGS && spec->tags[tags])
		tags++;
	return FRAME_LINK_BYTES + tags * FRAME_TAG_BYTES;
}

__u32 frame_header_bytes(const struct frame_spec *spec)
{
	__u32 bytes = frame_link_bytes(spec);

	if (!is_ipv4(spec))
		return bytes;
	return bytes + FRAME_IPV4_BYTES + spec->options_bytes + transport_bytes(spec);
}

static unsigned char *put_link(const struct frame_spec *spec, unsigned char *at)
{
	memcpy(at, macs, sizeof(macs));
	at += sizeof(macs);
	for (int i = 0; i < FRAME_MAX_TAGS && spec->tags[i]; i++) {
		put16(at, spec->tags[i]);
		put16(at + 2, 100 + i);
		at += FRAME_TAG_BYTES;
	}
	put16(at, spec->ethertype ? spec->ethertype : ETHERTYPE_IPV4);
	return at + 2;
}

/* All fragments carry the same bytes, since the limiter must ignore those of later fragments. */
static void put_transport(const struct frame_spec *spec, unsigned char *at)
{
	__u32 bytes = transport_bytes(spec);

	put16(at, 40000);
	put16(at + 2, spec->destination_port ? spec->destination_port : FRAME_PORT);
	if (protocol_of(spec) == IPPROTO_TCP) {
		at[12] = bytes / 4 << 4;
		at[13] = spec->tcp_flags;
		memset(at + TCP_BYTES, 1, spec->tcp_options_bytes); /* NOP */
	} else if (protocol_of(spec) == IPPROTO_ICMP) {
		at[0] = spec->icmp_type;
		at[1] = 0;
	} else {
		put16(at + 4, OTHER_BYTES + spec->payload_bytes);
	}
	if (spec->payload)
		memcpy(at + bytes, spec->payload, strnlen(spec->payload, spec->payload_bytes));
}

static void put_ipv4(const struct frame_spec *spec, unsigned char *at)
{
	static const __u8 destination[4] = {192, 0, 2, 1};
	__u32 header_bytes = FRAME_IPV4_BYTES + spec->options_bytes;
	__u32 total_bytes = header_bytes + transport_bytes(spec) + spec->payload_bytes;

	if (spec->total_bytes)
		total_bytes = spec->total_bytes == FRAME_TOTAL_ZERO ? 0 : spec->total_bytes;
	at[0] = spec->version_ihl ? spec->version_ihl : 0x40 | header_bytes / 4;
	put16(at + 2, total_bytes);
	put16(at + 6, spec->fragment);
	at[8] = 64;
	at[9] = protocol_of(spec);
	memcpy(at + 12, &spec->source, sizeof(spec->source));
	memcpy(at + 16, destination, sizeof(destination));
	memset(at + FRAME_IPV4_BYTES, 1, spec->options_bytes); /* NOP */
	put_transport(spec, at + header_bytes);
}

__u32 frame_build(const struct frame_spec *spec, unsigned char *frame)
{
	unsigned char *at;

	memset(frame, 0, FRAME_ROOM);
	at = put_link(spec, frame);
	if (is_ipv4(spec))
		put_ipv4(spec, at);
	if (spec->frame_bytes)
		return spec->frame_bytes;
	return frame_header_bytes(spec) + spec->payload_bytes;
}
