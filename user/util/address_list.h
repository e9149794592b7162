/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>
#include <linux/types.h>

#include "include/address.h"

/* The addresses of a permit request: "192.0.2.1,192.0.2.2". */

#define ADDRESS_LIST_MAX 1000 /* upper bound of the setting `addresses` */

struct address_list {
	__u32 count;
	struct xrl_address addresses[ADDRESS_LIST_MAX]; /* without duplicates, in the order given */
};

/* Reads `length` bytes of text. Each item between commas must be four decimal octets without
 * leading zeros and the address of a host: not 0.0.0.0/8, not multicast (224.0.0.0/4), not
 * 255.255.255.255. Duplicates are removed before the count is compared with `max_addresses` (1 to
 * ADDRESS_LIST_MAX). The text is accepted or rejected as a whole; a rejected list is empty. 0, or
 * -EINVAL with one sentence in `parse_error`: of the first token that is wrong it quotes the text
 * (shortened, unprintable bytes as '?') and says what was expected; when none is wrong but there
 * are too many, how many there are. Nothing is read after more than ADDRESS_LIST_MAX. */
int address_list_parse(struct address_list *list, const char *text, size_t length,
                       __u32 max_addresses, char *parse_error, size_t size);
