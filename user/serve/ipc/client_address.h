/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "user/config/settings.h"
#include "include/address.h"

/* Who is asking: the peer of the connection, or whom a trusted proxy names. */

struct caller {
	bool known;              /* false: it came over the Unix socket, with no address */
	struct in6_addr address; /* an IPv4 one as ::ffff:a.b.c.d */
};

#define CALLER_UNIX "unix" /* what stands for that in a list of proxies, and in the log */

/* Proxies whose X-Forwarded-For is believed. */
struct proxies {
	bool unix_socket;
	int count;
	struct {
		struct in6_addr prefix;
		unsigned int bits;
	} prefixes[CONFIG_MAX_LIST];
};

/* 0, or -EINVAL with one sentence in `complaint`. */
int proxies_read(struct proxies *proxies, const struct serve_settings *settings, char *complaint,
                 size_t size);

bool proxies_trust(const struct proxies *proxies, const struct caller *peer);

/* AF_UNIX or NULL: an unknown one. */
void caller_of_peer(struct caller *caller, const struct sockaddr *peer);

/* Walks a list of addresses from the right to the first that is no trusted proxy, beginning at
 * `peer`, which it replaces. `forwarded` is NULL when the request has no such header. 0, or
 * -EINVAL with one sentence in `complaint`, and *caller as it was. */
int caller_walk(struct caller *caller, const struct proxies *proxies, const char *forwarded,
                char *complaint, size_t size);

bool caller_is_ipv4(const struct caller *caller);

/* Only of one that is IPv4. */
struct xrl_address caller_ipv4(const struct caller *caller);

#define CALLER_TEXT_SIZE INET6_ADDRSTRLEN
void caller_format(const struct caller *caller, char text[CALLER_TEXT_SIZE]);

/* Reads what caller_format has written. */
bool caller_parse(struct caller *caller, const char *text);

/* What counts as one and the same: an IPv4 address, an IPv6 /64, all of the Unix socket. */
struct in6_addr caller_key(const struct caller *caller);
