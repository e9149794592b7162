// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>

#include "user/util/address_list.h"
#include "tests/fuzz/check.h"

#define MAX_HOSTS 65536 /* in a text of 512 KiB or less */

/* An independent check: the canonical text of an address is the one that inet_ntop writes. */
static bool is_host(const char *token, size_t length, __u32 *address)
{
	char text[INET_ADDRSTRLEN] = "", again[INET_ADDRSTRLEN];

	if (length >= sizeof(text))
		return false;
	memcpy(text, token, length);
	if (strlen(text) != length || inet_pton(AF_INET, text, address) != 1)
		return false;
	inet_ntop(AF_INET, address, again, sizeof(again));
	*address = ntohl(*address);
	return !strcmp(text, again) && *address >> 24 && *address >> 28 != 14 && ~*address;
}

/* The number of distinct hosts in the text, or -1 if any item is not a host. */
static int count_hosts(const char *text, size_t length)
{
	static __u32 hosts[MAX_HOSTS];
	int count = 0;
	__u32 host;

	for (size_t begin = 0, end; begin <= length; begin = end + 1) {
		int i = 0;

		for (end = begin; end < length && text[end] != ','; end++)
			;
		if (!is_host(text + begin, end - begin, &host))
			return -1;
		while (i < count && hosts[i] != host)
			i++;
		hosts[i] = host;
		count += i == count;
		check(count < MAX_HOSTS);
	}
	return count;
}

static size_t format(const struct address_list *list, char *text)
{
	size_t length = 0;

	for (__u32 i = 0; i < list->count; i++) {
		char address[INET_ADDRSTRLEN];

		inet_ntop(AF_INET, &list->addresses[i], address, sizeof(address));
		length += sprintf(text + length, "%s%s", i ? "," : "", address);
	}
	return length;
}

static void check_round_trip(const struct address_list *list, __u32 max_addresses)
{
	static char text[ADDRESS_LIST_MAX * (INET_ADDRSTRLEN + 1)];
	size_t length = format(list, text);
	static struct address_list again;
	char parse_error[256];

	check(count_hosts(text, length) == (int)list->count);
	check(!address_list_parse(&again, text, length, max_addresses, parse_error,
	                          sizeof(parse_error)));
	check(again.count == list->count);
	check(!memcmp(again.addresses, list->addresses, list->count * sizeof(list->addresses[0])));
}

static void check_with(const char *text, size_t length, int hosts, __u32 max_addresses)
{
	static struct address_list list;
	char parse_error[256] = "";
	int error = address_list_parse(&list, text, length, max_addresses, parse_error,
	                               sizeof(parse_error));

	check(!error == (hosts > 0 && hosts <= (int)max_addresses));
	if (error) {
		check(error == -EINVAL);
		check(!list.count);
		check_parse_error(parse_error, sizeof(parse_error));
		return;
	}
	check(list.count == (__u32)hosts);
	check(!parse_error[0]);
	check_round_trip(&list, max_addresses);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	int hosts = count_hosts(text, size);

	check_with(text, size, hosts, 1);
	check_with(text, size, hosts, 10);
	check_with(text, size, hosts, ADDRESS_LIST_MAX);
	return 0;
}
