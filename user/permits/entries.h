/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "include/address.h"
#include "user/util/result.h"

/* Permitted addresses as store and map exchange them: one entry per address, whichever accounts
 * requested it. */

struct permit_entry {
	struct xrl_address address;
	__s64 until_unix_ns; /* 0: not permitted */
};

/* Begins all zero. */
struct permit_entries {
	__u32 count, room;
	struct permit_entry *entries;
};

enum exit_code permit_entries_add(struct permit_entries *entries,
                                  const struct xrl_address *address);

void permit_entries_free(struct permit_entries *entries);
