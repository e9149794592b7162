/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/permits/db.h"
#include "user/permits/types.h"

/* Which accounts may request permits, and how often. */

/* EXIT_NOT_ALLOWED, with the reason, unless the account may request permits. */
enum exit_code quota_check_account(struct db *db, __s64 account_id);

enum exit_code quota_read(struct db *db, __s64 account_id, const struct permit_rules *rules,
                          __s64 now_unix_ns, struct permit_quota *quota);

/* Counts one request that is about to be stored. EXIT_QUOTA, with the time of the next possible
 * request, if none remains. *quota is filled in either way. */
enum exit_code quota_take(struct db *db, __s64 account_id, const struct permit_rules *rules,
                          __s64 now_unix_ns, struct permit_quota *quota);
