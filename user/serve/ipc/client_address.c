// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/ipc/client_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/util/duration.h"

#define IPV4_BITS   32
#define IPV6_BITS   128
#define MAPPED_BITS (IPV6_BITS - IPV4_BITS)
#define SITE_BITS   64 /* IPv6: the longest prefix that one customer gets */

static void map_ipv4(struct in6_addr *to, const void *octets)
{
	*to = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
	memcpy(&to->s6_addr[12], octets, 4);
}

static bool parse_address(struct in6_addr *address, const char *text)
{
	struct in_addr ipv4;

	if (inet_pton(AF_INET, text, &ipv4) == 1) {
		map_ipv4(address, &ipv4);
		return true;
	}
	return inet_pton(AF_INET6, text, address) == 1;
}

static bool is_mapped(const struct in6_addr *address)
{
	return IN6_IS_ADDR_V4MAPPED(address);
}

static void clear_behind(struct in6_addr *address, unsigned int bits)
{
	for (unsigned int i = 0; i < sizeof(address->s6_addr); i++) {
		unsigned int kept = bits > 8 * i ? bits - 8 * i : 0;

		if (kept < 8)
			address->s6_addr[i] &= 0xff00 >> kept;
	}
}

static bool same(const struct in6_addr *a, const struct in6_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* ADDRESS or ADDRESS/BITS */
static int read_prefix(struct in6_addr *prefix, unsigned int *bits, const char *text)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchrnul(text, '/');
	struct in6_addr whole;
	unsigned int most;
	__u64 number;

	if ((size_t)(slash - text) >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, slash - text);
	address[slash - text] = '\0';
	if (!parse_address(prefix, address))
		return -EINVAL;
	most = strchr(address, ':') ? IPV6_BITS : IPV4_BITS;
	number = most;
	if (*slash) {
		slash++;
		if (number_take(&slash, &number) || *slash || number > most)
			return -EINVAL;
	}
	*bits = number + (most == IPV4_BITS ? MAPPED_BITS : 0);
	whole = *prefix;
	clear_behind(prefix, *bits);
	return same(prefix, &whole) ? 0 : -EINVAL; /* host bits must be zero */
}

int proxies_read(struct proxies *proxies, const struct serve_settings *settings, char *parse_error,
                 size_t size)
{
	*proxies = (struct proxies){};
	for (int i = 0; i < settings->trusted_proxy_count; i++) {
		const char *text = settings->trusted_proxies[i];

		if (!strcmp(text, CLIENT_UNIX)) {
			proxies->unix_socket = true;
			continue;
		}
		if (read_prefix(&proxies->prefixes[proxies->count].prefix,
		                &proxies->prefixes[proxies->count].bits, text)) {
			snprintf(
				parse_error, size,
				"trusted_proxies: '%.60s' is neither an address, nor a prefix such "
				"as 192.0.2.0/24 or 2001:db8::/32, nor '" CLIENT_UNIX "'",
				text);
			return -EINVAL;
		}
		proxies->count++;
	}
	return 0;
}

bool proxies_trust(const struct proxies *proxies, const struct client_address *peer)
{
	if (!peer->known)
		return proxies->unix_socket;
	for (int i = 0; i < proxies->count; i++) {
		struct in6_addr begin = peer->address;

		clear_behind(&begin, proxies->prefixes[i].bits);
		if (same(&begin, &proxies->prefixes[i].prefix))
			return true;
	}
	return false;
}

void client_address_of_peer(struct client_address *client, const struct sockaddr *peer)
{
	*client = (struct client_address){};
	if (peer && peer->sa_family == AF_INET) {
		map_ipv4(&client->address, &((const struct sockaddr_in *)peer)->sin_addr);
		client->known = true;
	} else if (peer && peer->sa_family == AF_INET6) {
		client->address = ((const struct sockaddr_in6 *)peer)->sin6_addr;
		client->known = true;
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Text between commas, without the blanks around it. */
static bool parse_element(struct client_address *client, const char *begin, const char *end)
{
	char text[INET6_ADDRSTRLEN];

	while (begin < end && is_blank(*begin))
		begin++;
	while (end > begin && is_blank(end[-1]))
		end--;
	if ((size_t)(end - begin) >= sizeof(text))
		return false;
	memcpy(text, begin, end - begin);
	text[end - begin] = '\0';
	client->known = true;
	return parse_address(&client->address, text);
}

static const char *element_before(const char *begin, const char *end)
{
	const char *comma = memrchr(begin, ',', end - begin);

	return comma ? comma + 1 : begin;
}

int client_address_resolve(struct client_address *client, const struct proxies *proxies,
                           const char *forwarded, char *parse_error, size_t size)
{
	struct client_address found = *client;
	bool is_found = !proxies_trust(proxies, &found);
	const char *end;

	if (is_found || !forwarded)
		return 0;
	/* the whole list must be valid, including what precedes the client */
	for (end = forwarded + strlen(forwarded); end >= forwarded;) {
		const char *begin = element_before(forwarded, end);
		struct client_address element;

		if (!parse_element(&element, begin, end)) {
			snprintf(parse_error, size,
			         "X-Forwarded-For contains something that is not an address: "
			         "expected IPv4 or IPv6 addresses separated by commas");
			return -EINVAL;
		}
		if (!is_found) {
			found = element;
			is_found = !proxies_trust(proxies, &found);
		}
		end = begin - 1;
	}
	*client = found;
	return 0;
}

bool client_address_is_ipv4(const struct client_address *client)
{
	return client->known && is_mapped(&client->address);
}

struct xrl_address client_address_ipv4(const struct client_address *client)
{
	struct xrl_address address;

	memcpy(&address, &client->address.s6_addr[12], sizeof(address));
	return address;
}

void client_address_format(const struct client_address *client, char text[CLIENT_ADDRESS_TEXT_SIZE])
{
	if (!client->known)
		strcpy(text, CLIENT_UNIX);
	else if (is_mapped(&client->address))
		inet_ntop(AF_INET, &client->address.s6_addr[12], text, CLIENT_ADDRESS_TEXT_SIZE);
	else
		inet_ntop(AF_INET6, &client->address, text, CLIENT_ADDRESS_TEXT_SIZE);
}

bool client_address_parse(struct client_address *client, const char *text)
{
	*client = (struct client_address){};
	if (!strcmp(text, CLIENT_UNIX))
		return true;
	client->known = true;
	return parse_address(&client->address, text);
}

struct in6_addr client_address_key(const struct client_address *client)
{
	struct in6_addr key = {};

	if (!client->known)
		return key;
	key = client->address;
	if (!is_mapped(&key))
		clear_behind(&key, SITE_BITS);
	return key;
}
