/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/permits/permit.h"
#include "user/permits/store.h"

/* The requests and permits in the store: nothing here knows of maps. All moments are Unix time
 * in ns. What is to hold together is called within one transaction. */

/* One address and until when it is permitted, whoever asked for it. 0: not at all. */
struct permit_entry {
	struct xrl_address address;
	__s64 until_unix_ns;
};

struct permit_entries {
	__u32 count, room;
	struct permit_entry *entries;
};

void permit_entries_free(struct permit_entries *entries);

enum exit_code permit_entries_add(struct permit_entries *entries,
                                  const struct xrl_address *address);

/* Fills in until_unix_ns of each. */
enum exit_code permit_rows_look_up(struct db *db, struct permit_entries *entries);

/* Every address that is permitted. */
enum exit_code permit_rows_read_all(struct db *db, struct permit_entries *entries);

/* Marks as ended what has run out, and adds the addresses to `ended`. */
enum exit_code permit_rows_expire(struct db *db, __s64 now_unix_ns, struct permit_entries *ended);

/* Forgets what ended long ago. */
enum exit_code permit_rows_purge(struct db *db, const struct permit_rules *rules,
                                 __s64 now_unix_ns);

/* How many addresses are permitted: exact where it is more than `enough`. */
enum exit_code permit_rows_count(struct db *db, __s64 enough, __s64 *addresses);

/* Whether it may ask at all: EXIT_NOT_ALLOWED, with the reason, otherwise. */
enum exit_code quota_check_account(struct db *db, __s64 account_id);

enum exit_code quota_read(struct db *db, __s64 account_id, const struct permit_rules *rules,
                          __s64 now_unix_ns, struct permit_quota *quota);

enum exit_code permit_rows_add_request(struct db *db, __s64 account_id, __s64 now_unix_ns,
                                       const struct address_list *addresses, const char *via,
                                       const char *comment, __s64 *request_id);

/* Permits result->address, and says what that changed. */
enum exit_code permit_rows_permit(struct db *db, __s64 account_id, __s64 request_id,
                                  __s64 now_unix_ns, __s64 until_unix_ns,
                                  struct permit_result *result);

/* Of one account, or of all. */
enum exit_code permit_rows_revoke(struct db *db, __s64 account_id, __s64 now_unix_ns,
                                  struct permit_result *result);

enum exit_code permit_rows_list(struct db *db, __s64 account_id, bool ended,
                                struct permit_record **records, __u32 *count);

/* The number of the last change of permits, and a new one. */
enum exit_code permit_rows_last_change(struct db *db, __s64 *change);
enum exit_code permit_rows_next_change(struct db *db, __s64 now_unix_ns, __s64 *change);

/* Whether a map has ever been made to hold what this store says. If not, it is new, in place of
 * one that was lost, perhaps: what a map holds then is taken over as permits of the account
 * `local`, and the store is followed from then on. */
enum exit_code permit_rows_is_synced(struct db *db, bool *is_synced);
enum exit_code permit_rows_import(struct db *db, __s64 now_unix_ns,
                                  const struct permit_entries *found);
