/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "user/config/settings.h"
#include "include/address.h"

/* The client: the peer of the connection, or the address that a trusted proxy names. */

struct client_address {
	bool known;              /* false: a peer on the Unix socket, without address */
	struct in6_addr address; /* IPv4 as ::ffff:a.b.c.d */
};

#define CLIENT_UNIX "unix" /* its name in lists of proxies and in the log */

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

/* AF_UNIX or NULL: a client without address. */
void client_address_of_peer(struct client_address *client, const struct sockaddr *peer);

/* Walks the list `forwarded` from the right to the first address that is not a trusted proxy,
 * beginning with the peer, which it replaces. NULL: the request has no such header. 0, or
 * -EINVAL with one sentence in `parse_error`, and *client is unchanged. */
int client_address_resolve(struct client_address *client, const struct proxies *proxies,
                           const char *forwarded, char *parse_error, size_t size);

bool client_address_is_ipv4(const struct client_address *client);

/* Only for IPv4 clients. */
struct xrl_address client_address_ipv4(const struct client_address *client);

#define CLIENT_ADDRESS_TEXT_SIZE INET6_ADDRSTRLEN
void client_address_format(const struct client_address *client,
                           char text[CLIENT_ADDRESS_TEXT_SIZE]);

/* Parses the output of client_address_format(). */
bool client_address_parse(struct client_address *client, const char *text);

/* Whether both count as one client: an IPv4 address, an IPv6 /64, or the Unix socket. */
struct in6_addr client_address_key(const struct client_address *client);
