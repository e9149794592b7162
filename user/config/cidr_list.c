// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/config/cidr_list.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/xalloc.h"
#include "user/util/duration.h"

#define EXPECTED "expected an address or a network, such as 203.0.113.0/24"

/* The address with zeros beyond the prefix. */
static struct xrl_address network_of(const struct xrl_cidr *cidr)
{
	struct xrl_address network = cidr->address;
	__u32 address, mask = cidr->prefix_bits ? ~0u << (32 - cidr->prefix_bits) : 0;

	memcpy(&address, &network, sizeof(address));
	address &= htonl(mask);
	memcpy(&network, &address, sizeof(address));
	return network;
}

static bool take_prefix(const char *at, __u32 *bits)
{
	__u64 number;

	if (number_take(&at, &number) || *at || number > 32)
		return false;
	*bits = number;
	return true;
}

int cidr_parse(const char *key, const char *text, struct xrl_cidr *cidr,
               const struct parse_error *parse_error)
{
	size_t length = strcspn(text, "/");
	struct xrl_cidr network;
	char address[INET_ADDRSTRLEN], meant[CIDR_TEXT_SIZE];

	cidr->prefix_bits = 32;
	if (length >= sizeof(address))
		return parse_fail_value(parse_error, key, text, EXPECTED);
	snprintf(address, sizeof(address), "%.*s", (int)length, text);
	/* inet_pton takes four decimal octets without leading zeros and nothing else */
	if (inet_pton(AF_INET, address, &cidr->address) != 1)
		return parse_fail_value(parse_error, key, text, EXPECTED);
	if (text[length] && !take_prefix(text + length + 1, &cidr->prefix_bits))
		return parse_fail_value(parse_error, key, text,
		                        "expected a prefix length from 0 to 32");
	network = (struct xrl_cidr){cidr->prefix_bits, network_of(cidr)};
	if (!memcmp(&network.address, &cidr->address, sizeof(network.address)))
		return 0;
	cidr_format(&network, meant);
	return parse_fail_value(parse_error, key, text,
	                        "address bits are set beyond the prefix, did you mean '%s'?",
	                        meant);
}

void cidr_format(const struct xrl_cidr *cidr, char text[CIDR_TEXT_SIZE])
{
	const __u8 *octets = cidr->address.octets;
	int length = snprintf(text, CIDR_TEXT_SIZE, "%u.%u.%u.%u", octets[0], octets[1], octets[2],
	                      octets[3]);

	if (cidr->prefix_bits < 32)
		snprintf(text + length, CIDR_TEXT_SIZE - length, "/%u", cidr->prefix_bits);
}

bool cidr_list_add(struct cidr_list *list, const struct xrl_cidr *cidr, __u32 class_number,
                   int line)
{
	if (list->count == XRL_MAX_CIDRS)
		return false;
	list->entries = xgrow_array(list->entries, list->count, sizeof(*list->entries));
	list->entries[list->count] = (struct cidr_entry){
		.cidr = {*cidr, class_number},
		.line = line,
		.number = list->count,
	};
	list->count++;
	return true;
}

static int compare_cidrs(const struct xrl_cidr *one, const struct xrl_cidr *other)
{
	int order = memcmp(&one->address, &other->address, sizeof(one->address));

	if (order)
		return order;
	return (int)one->prefix_bits - (int)other->prefix_bits;
}

static int compare(const void *a, const void *b)
{
	const struct cidr_entry *one = a, *other = b;
	int order = compare_cidrs(&one->cidr.cidr, &other->cidr.cidr);

	if (order)
		return order;
	return one->number < other->number ? -1 : 1;
}

static void report_again(const struct cidr_entry *first, const struct cidr_entry *again,
                         const struct xrl_policy *policy, struct diagnostics *diagnostics)
{
	char text[CIDR_TEXT_SIZE];

	cidr_format(&again->cidr.cidr, text);
	if (first->cidr.class_number == again->cidr.class_number)
		diagnostics_warning(diagnostics, again->line,
		                    "'%s' is listed twice, first on line %d", text, first->line);
	else
		diagnostics_error(
			diagnostics, again->line,
			"'%s' already belongs to class '%s' (line %d); it cannot belong to two",
			text, policy->classes[first->cidr.class_number].name, first->line);
}

void cidr_list_merge(struct cidr_list *list, const struct xrl_policy *policy,
                     struct diagnostics *diagnostics)
{
	size_t kept = 0;

	if (list->count)
		qsort(list->entries, list->count, sizeof(*list->entries), compare);
	for (size_t i = 0; i < list->count; i++) {
		struct cidr_entry *first = &list->entries[kept ? kept - 1 : 0];
		struct cidr_entry *entry = &list->entries[i];

		if (kept && !compare_cidrs(&first->cidr.cidr, &entry->cidr.cidr))
			report_again(first, entry, policy, diagnostics);
		else
			list->entries[kept++] = *entry;
	}
	list->count = kept;
}

void cidr_list_free(struct cidr_list *list)
{
	free(list->entries);
	*list = (struct cidr_list){};
}
