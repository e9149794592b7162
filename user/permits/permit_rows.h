/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/permits/db.h"
#include "user/permits/entries.h"
#include "user/permits/types.h"

/* Requests and permits as rows of the store; knows nothing of maps. Times are Unix time in ns.
 * Call functions that must agree within one transaction. */

/* Fills in until_unix_ns of each entry. */
enum exit_code permit_rows_look_up(struct db *db, struct permit_entries *entries);

/* Reads every permitted address. */
enum exit_code permit_rows_read_all(struct db *db, struct permit_entries *entries);

/* Ends expired permits and adds their addresses to `ended`. */
enum exit_code permit_rows_expire(struct db *db, __s64 now_unix_ns, struct permit_entries *ended);

/* Deletes permits and requests past their retention. */
enum exit_code permit_rows_purge(struct db *db, const struct permit_rules *rules,
                                 __s64 now_unix_ns);

/* Counts permitted addresses; exact if the result exceeds `enough`. */
enum exit_code permit_rows_count(struct db *db, __s64 enough, __s64 *addresses);

/* The same for permits that have not expired at `now_unix_ns`; always exact. */
enum exit_code permit_rows_count_unexpired(struct db *db, __s64 now_unix_ns, __s64 *addresses);

enum exit_code permit_rows_add_request(struct db *db, __s64 account_id, __s64 now_unix_ns,
                                       const struct address_list *addresses, const char *via,
                                       const char *comment, __s64 *request_id);

/* Permits result->address and fills in what changed. */
enum exit_code permit_rows_permit(struct db *db, __s64 account_id, __s64 request_id,
                                  __s64 now_unix_ns, __s64 until_unix_ns,
                                  struct permit_result *result);

/* Revokes the permits of result->address, of one account or of all. */
enum exit_code permit_rows_revoke(struct db *db, __s64 account_id, __s64 now_unix_ns,
                                  struct permit_result *result);

/* The caller frees *records. */
enum exit_code permit_rows_list(struct db *db, __s64 account_id, bool ended,
                                struct permit_record **records, __u32 *count);

/* The number of the last change of permits, and the next one. */
enum exit_code permit_rows_last_change(struct db *db, __s64 *change);
enum exit_code permit_rows_next_change(struct db *db, __s64 now_unix_ns, __s64 *change);

/* Whether a map has ever been synced to this store. If not, the store is new and may replace a
 * lost one. */
enum exit_code permit_rows_is_synced(struct db *db, bool *is_synced);

/* Imports the permits found in a map as permits of the account `local`, and records that a map is
 * synced from now on. */
enum exit_code permit_rows_import(struct db *db, __s64 now_unix_ns,
                                  const struct permit_entries *found);
