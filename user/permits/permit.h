/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "user/permits/account.h"
#include "user/util/address_list.h"
#include "user/config/settings.h"

/* Permits, as the commands and the HTTP API deal with them. The store in the state directory is
 * the truth; the map `permits` follows it, and every call here first mends the map where the two
 * are apart and puts away what has run out. Moments are Unix time in ns by today's wall
 * clock. Everything that fails is reported by fail(); then store and map are as before. */

struct permit_context {
	const char *pin_dir;
	const char *state_dir;
	const struct permit_rules *rules;
	int wait_ms; /* at most, for each lock; 0: as long as is usual */
};

#define PERMIT_ALL_ACCOUNTS 0
#define PERMIT_COMMENT_SIZE 257 /* UTF-8, with the closing NUL */

enum permit_change {
	PERMIT_NEW,
	PERMIT_EXTENDED,
	PERMIT_UNCHANGED, /* already lasts as long or longer */
	PERMIT_REVOKED,
	PERMIT_NONE, /* there was none to revoke */
};

const char *permit_change_name(enum permit_change change);

struct permit_result {
	struct xrl_address address;
	enum permit_change change;
	__s64 until_unix_ns;
};

struct permit_quota {
	__u32 limit;
	__u32 remaining;
	__s64 reset_unix_ns; /* when the oldest request that counts is forgotten; now if none */
};

struct permit_outcome {
	bool attached; /* false: nothing is attached, so it is kept for the next attach */
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
	bool in_force;
	bool revoked;
};

/* For all of the addresses or for none. EXIT_NOT_ALLOWED: a sub-account, an unapproved one, or
 * one that is gone. EXIT_QUOTA: with the time of the next possible request; outcome->quota is
 * filled in then, too. `comment` may be NULL. `via`: "cli" or "http". */
enum exit_code permit_request(const struct permit_context *context, __s64 account_id,
                              const struct address_list *addresses, const char *comment,
                              const char *via, struct permit_outcome *outcome);

/* Those of one account, or of all. An address without a permit is no error here. */
enum exit_code permit_revoke(const struct permit_context *context, __s64 account_id,
                             const struct address_list *addresses, struct permit_outcome *outcome);

/* Those in force, in order of address; with `ended` also those that were, for as long as they are
 * remembered. The caller frees *records. */
enum exit_code permit_list(const struct permit_context *context, __s64 account_id, bool ended,
                           struct permit_record **records, __u32 *count);

/* EXIT_NOT_ALLOWED as permit_request. */
enum exit_code permit_read_quota(const struct permit_context *context, __s64 account_id,
                                 struct permit_quota *quota);

/* Nothing but the mending and the putting away: for `attach`, and for a daemon now and then. */
enum exit_code permit_maintain(const struct permit_context *context);

/* The account goes, and its permits with it. EXIT_NOT_ALLOWED: the built-in one, or one that
 * has sub-accounts. `ended_permits`: how many were in force. */
enum exit_code permit_remove_account(const struct permit_context *context, const char *name,
                                     __u32 *ended_permits);
