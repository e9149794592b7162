/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/permits/account.h"
#include "user/permits/types.h"

/* Permits for the commands and the HTTP API. The store in the state directory is authoritative and
 * the map `permits` is its copy: every call first expires old permits and repairs the map where it
 * differs from the store. Failures are reported with fail() and change neither store nor map. */

const char *permit_change_name(enum permit_change change);

/* Permits all of the addresses or none. EXIT_NOT_ALLOWED: a sub-account, an unapproved account or
 * a removed one. EXIT_QUOTA: no request remains; the report says when the next one is possible and
 * outcome->quota is filled in. `comment` may be NULL. `via`: "cli" or "http". */
enum exit_code permit_request(const struct permit_context *context, __s64 account_id,
                              const struct address_list *addresses, const char *comment,
                              const char *via, struct permit_outcome *outcome);

/* Revokes permits of one account or of all. An address without a permit is not an error. */
enum exit_code permit_revoke(const struct permit_context *context, __s64 account_id,
                             const struct address_list *addresses, struct permit_outcome *outcome);

/* Lists active permits by address, and with `ended` also those that ended within their retention.
 * The caller frees *records. */
enum exit_code permit_list(const struct permit_context *context, __s64 account_id, bool ended,
                           struct permit_record **records, __u32 *count);

/* EXIT_NOT_ALLOWED as in permit_request(). */
enum exit_code permit_read_quota(const struct permit_context *context, __s64 account_id,
                                 struct permit_quota *quota);

/* Only expires and repairs: for the daemon's timer. */
enum exit_code permit_maintain(const struct permit_context *context);

/* Removes the account and revokes its permits; `ended_permits` counts them. EXIT_NOT_ALLOWED: the
 * account is built in or has sub-accounts. */
enum exit_code permit_remove_account(const struct permit_context *context, const char *name,
                                     __u32 *ended_permits);

/* The following are for attach, which holds the lock of the pin directory. */
struct maps;

/* Copies the store, if there is one, to these maps. */
enum exit_code permit_restore(const struct permit_context *context, const struct maps *maps);

/* The number of permitted addresses in the store, to size the map. 0 if it cannot be read. */
__u32 permit_count_stored(const char *state_dir);
