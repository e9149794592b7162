// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tests/prog/lib/model.h"

#include <string.h>

static __u32 get16(const unsigned char *at)
{
	return at[0] << 8 | at[1];
}

static __u32 get32(const unsigned char *at)
{
	return get16(at) << 16 | get16(at + 2);
}

static int is_icmp_error(int type)
{
	switch (type) {
	case 3:
	case 4:
	case 5:
	case 11:
	case 12:
		return 1;
	}
	return 0;
}

static int is_request(const unsigned char *text)
{
	static const char *const methods[] = {"GET ",   "POST ",    "HEAD ",  "PUT ",    "DELETE ",
	                                      "PATCH ", "OPTIONS ", "TRACE ", "CONNECT "};

	for (int i = 0; i < 9; i++)
		if (!memcmp(text, methods[i], strlen(methods[i])))
			return 1;
	return 0;
}

static void parse_tcp(const unsigned char *tcp, __u32 bytes, struct model_frame *parsed)
{
	__u32 header = (tcp[12] >> 4) * 4;

	parsed->has_ports = 1;
	parsed->port = get16(tcp + 2);
	parsed->opens_connection = (tcp[13] & 0x12) == 0x02;
	if (header >= 20 && bytes >= header + 8)
		parsed->is_request = is_request(tcp + header);
}

/* Returns 0 if the transport header is truncated. */
static int parse_transport(const unsigned char *at, __u32 bytes, struct model_frame *parsed)
{
	if (parsed->protocol == 6) {
		if (bytes < 20)
			return 0;
		parse_tcp(at, bytes, parsed);
	} else if (parsed->protocol == 1) {
		if (bytes < 8)
			return 0;
		if (is_icmp_error(at[0]))
			parsed->kind = ICMP_ERROR;
	} else if (parsed->protocol == 17 && bytes >= 8) {
		parsed->has_ports = 1;
		parsed->port = get16(at + 2);
	}
	return 1;
}

static struct model_frame parse_ipv4(const unsigned char *ip, __u32 available)
{
	struct model_frame parsed = {.kind = IPV4};
	__u32 header, total;

	if (available < 20)
		return (struct model_frame){.kind = TRUNCATED};
	header = (ip[0] & 15) * 4;
	total = get16(ip + 2);
	if (ip[0] >> 4 != 4 || header < 20 || total < header)
		return (struct model_frame){.kind = MALFORMED};
	if (total > available)
		return (struct model_frame){.kind = TRUNCATED};
	parsed.address = get32(ip + 12);
	parsed.protocol = ip[9];
	if (get16(ip + 6) & 0x1FFF)
		return parsed; /* not the first fragment */
	if (!parse_transport(ip + header, total - header, &parsed))
		parsed.kind = TRUNCATED;
	return parsed;
}

static struct model_frame parse(const unsigned char *frame, __u32 bytes)
{
	__u32 type = get16(frame + 12), at = 14;

	for (int tags = 0; tags < 2 && (type == 0x8100 || type == 0x88A8); tags++) {
		if (at + 4 > bytes)
			return (struct model_frame){.kind = OTHER};
		type = get16(frame + at + 2);
		at += 4;
	}
	if (type == 0x0800)
		return parse_ipv4(frame + at, bytes - at);
	if (type == 0x0806)
		return (struct model_frame){.kind = ARP};
	return (struct model_frame){.kind = type == 0x86DD ? IPV6 : OTHER};
}

struct model_frame model_parse(const unsigned char *frame, __u32 bytes)
{
	struct model_frame parsed = parse(frame, bytes);

	parsed.bytes = bytes;
	return parsed;
}
