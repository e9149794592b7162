// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/util/address_list.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/util/quote.h"

#define EXPECTED "expected four decimal octets, such as 192.0.2.1"

struct item {
	const char *text; /* not terminated, and may contain anything */
	size_t length;
};

static bool has(struct item item, char c)
{
	return memchr(item.text, c, item.length);
}

static bool read_address(struct item item, struct xrl_address *address)
{
	char text[INET_ADDRSTRLEN];

	/* inet_pton would stop at a NUL and miss what follows */
	if (item.length >= sizeof(text) || has(item, '\0'))
		return false;
	memcpy(text, item.text, item.length);
	text[item.length] = '\0';
	/* four decimal octets without leading zeros, and nothing else */
	return inet_pton(AF_INET, text, address->octets) == 1;
}

/* Why the address cannot belong to a host. NULL: it can. */
static const char *why_no_host(const struct xrl_address *address)
{
	static const __u8 broadcast[4] = {255, 255, 255, 255};

	if (!address->octets[0])
		return "0.0.0.0/8 is not the address of a host";
	if ((address->octets[0] & 0xf0) == 0xe0)
		return "multicast is not the address of a host";
	if (!memcmp(address->octets, broadcast, sizeof(broadcast)))
		return "broadcast is not the address of a host";
	return NULL;
}

/* Why four numbers separated by dots are not an address. */
static const char *why_no_octets(struct item item)
{
	bool begins = true;

	for (size_t i = 0; i < item.length; i++) {
		bool digit_follows =
			i + 1 < item.length && isdigit((unsigned char)item.text[i + 1]);

		if (begins && item.text[i] == '0' && digit_follows)
			return "leading zeros are not allowed: some programs read them as octal";
		begins = item.text[i] == '.';
	}
	return "an octet is at most 255";
}

static bool is_four_numbers(struct item item)
{
	int dots = 0;

	for (size_t i = 0; i < item.length; i++) {
		bool number_before = i && item.text[i - 1] != '.';

		if (item.text[i] == '.' && number_before)
			dots++;
		else if (!isdigit((unsigned char)item.text[i]))
			return false;
	}
	return dots == 3 && item.text[item.length - 1] != '.';
}

static bool has_blank(struct item item)
{
	return has(item, ' ') || has(item, '\t') || has(item, '\r') || has(item, '\n');
}

static int count_colons(struct item item)
{
	int colons = 0;

	for (size_t i = 0; i < item.length; i++)
		colons += item.text[i] == ':';
	return colons;
}

static const char *why_no_address(struct item item)
{
	bool begins_with_digit = item.length && isdigit((unsigned char)item.text[0]);
	int colons = count_colons(item);

	if (!item.length)
		return "an address is missing";
	if (has_blank(item))
		return "spaces are not allowed";
	if (colons > 1)
		return "IPv6 is not supported";
	if (begins_with_digit && colons)
		return "a port is not allowed";
	if (begins_with_digit && has(item, '/'))
		return "this is a network, not an address";
	if (is_four_numbers(item))
		return why_no_octets(item);
	return "this is not an IPv4 address";
}

static int report(struct item item, const char *reason, char *parse_error, size_t size)
{
	char quoted[QUOTE_SIZE];

	snprintf(parse_error, size, "address '%s': %s; " EXPECTED,
	         quote(quoted, item.text, item.length), reason);
	return -EINVAL;
}

static bool is_known(const struct address_list *list, const struct xrl_address *address)
{
	for (__u32 i = 0; i < list->count; i++)
		if (!memcmp(&list->addresses[i], address, sizeof(*address)))
			return true;
	return false;
}

/* `next`: the address that did not fit in the list. */
static int too_many(const struct address_list *list, const char *more_than,
                    const struct xrl_address *next, __u32 max_addresses, char *parse_error,
                    size_t size)
{
	const struct xrl_address *first =
		list->count > max_addresses ? &list->addresses[max_addresses] : next;
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, first, text, sizeof(text));
	snprintf(parse_error, size,
	         "%s%u addresses, at most %u in one request; '%s' is the first one too many",
	         more_than, list->count, max_addresses, text);
	return -EINVAL;
}

static int add(struct address_list *list, struct item item, __u32 max_addresses, char *parse_error,
               size_t size)
{
	struct xrl_address address;
	const char *reason;

	reason = read_address(item, &address) ? why_no_host(&address) : why_no_address(item);
	if (reason)
		return report(item, reason, parse_error, size);
	if (is_known(list, &address))
		return 0;
	if (list->count == ADDRESS_LIST_MAX)
		return too_many(list, "more than ", &address, max_addresses, parse_error, size);
	list->addresses[list->count++] = address;
	return 0;
}

/* The text up to the next comma, or to the end. */
static struct item item_at(const char *at, const char *end)
{
	const char *comma = memchr(at, ',', end - at);

	return (struct item){at, (comma ? comma : end) - at};
}

int address_list_parse(struct address_list *list, const char *text, size_t length,
                       __u32 max_addresses, char *parse_error, size_t size)
{
	const char *begin = length ? text : "", *end = begin + length;
	struct item item = item_at(begin, end);
	int error;

	list->count = 0;
	while (!(error = add(list, item, max_addresses, parse_error, size)) &&
	       item.text + item.length != end)
		item = item_at(item.text + item.length + 1, end);
	if (!error && list->count > max_addresses)
		error = too_many(list, "", NULL, max_addresses, parse_error, size);
	if (error)
		list->count = 0;
	return error;
}
