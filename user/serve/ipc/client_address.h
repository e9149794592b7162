/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "user/config/settings.h"
#include "include/address.h"

/* Who is asking: the peer of the connection, or whom a trusted proxy names. */

struct client_address {
	bool known;              /* false: it came over the Unix socket, with no address */
	struct in6_addr address; /* an IPv4 one as ::ffff:a.b.c.d */
};

#define CLIENT_UNIX "unix" /* what stands for that in a list of proxies, and in the log */

/* Proxies whose X-Forwarded-For is believed. */
struct proxies {
	bool unix_socket;
	int count;
	struct {
		struct in6_addr prefix;
		unsigned int bits;
	} prefixes[SETTINGS_MAX_LIST];
};

/* 0, or -EINVAL with one sentence in `parse_error`. */
int proxies_read(struct proxies *proxies, const struct serve_settings *settings, char *parse_error,
                 size_t size);

bool proxies_trust(const struct proxies *proxies, const struct client_address *peer);

/* AF_UNIX or NULL: an unknown one. */
void client_address_of_peer(struct client_address *client, const struct sockaddr *peer);

/* Walks a list of addresses from the right to the first that is no trusted proxy, beginning at
 * `peer`, which it replaces. `forwarded` is NULL when the request has no such header. 0, or
 * -EINVAL with one sentence in `parse_error`, and *caller as it was. */
int client_address_resolve(struct client_address *client, const struct proxies *proxies,
                           const char *forwarded, char *parse_error, size_t size);

bool client_address_is_ipv4(const struct client_address *client);

/* Only of one that is IPv4. */
struct xrl_address client_address_ipv4(const struct client_address *client);

#define CLIENT_ADDRESS_TEXT_SIZE INET6_ADDRSTRLEN
void client_address_format(const struct client_address *client,
                           char text[CLIENT_ADDRESS_TEXT_SIZE]);

/* Reads what caller_format has written. */
bool client_address_parse(struct client_address *client, const char *text);

/* What counts as one and the same: an IPv4 address, an IPv6 /64, all of the Unix socket. */
struct in6_addr client_address_key(const struct client_address *client);
