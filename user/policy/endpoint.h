/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "user/util/parse_error.h"

/* A protocol and destination ports, as operators write it: "tcp/443", "udp/6000-6010". */
struct endpoint {
	__u8 protocol; /* IPPROTO_TCP or _UDP */
	__u16 first_port, last_port;
};

#define ENDPOINT_TEXT_SIZE 16

/* 0, or -EINVAL with a parse error that names `key`. */
int endpoint_parse(const char *key, const char *text, struct endpoint *endpoint,
                   const struct parse_error *parse_error);

void endpoint_format(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_SIZE]);

/* A set of ports, a bit for each: struct xrl_ports. */
static inline bool port_is_set(const __u8 *ports, __u16 port)
{
	return ports[port / 8] >> port % 8 & 1;
}

static inline void port_add(__u8 *ports, __u16 port)
{
	ports[port / 8] |= 1 << port % 8;
}
