/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "user/config/settings.h"
#include "user/util/address_list.h"

/* What requests for permits take and return. Times are Unix time in ns by today's wall clock. */

#define ACCOUNT_NAME_SIZE   65
#define ACCOUNT_LOCAL       "local" /* the local administrator: built in and approved */
#define PERMIT_ALL_ACCOUNTS 0
#define PERMIT_COMMENT_SIZE 257 /* UTF-8, including the NUL */

struct permit_context {
	const char *pin_dir;
	const char *state_dir;
	const struct permit_rules *rules;
	int wait_ms; /* upper bound for each lock; 0: the default */
};

enum permit_change {
	PERMIT_NEW,
	PERMIT_EXTENDED,
	PERMIT_UNCHANGED, /* already lasts as long or longer */
	PERMIT_REVOKED,
	PERMIT_NONE, /* there was none to revoke */
};

struct permit_result {
	struct xrl_address address;
	enum permit_change change;
	__s64 until_unix_ns;
};

struct permit_quota {
	__u32 limit;
	__u32 remaining;
	__s64 reset_unix_ns; /* when the oldest counted request leaves the window; now if none */
};

struct permit_outcome {
	bool attached; /* false: stored for the next attach */
	struct permit_quota quota;
	__u32 count;
	struct permit_result results[ADDRESS_LIST_MAX];
};

struct permit_record {
	struct xrl_address address;
	char account[ACCOUNT_NAME_SIZE];
	char comment[PERMIT_COMMENT_SIZE];
	__s64 request_id;
	__s64 since_unix_ns;
	__s64 until_unix_ns;
	bool active;
	bool revoked;
};
