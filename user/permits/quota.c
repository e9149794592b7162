// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/permits/quota.h"

#include "user/util/duration.h"

enum exit_code quota_check_account(struct db *db, __s64 account_id)
{
	char name[ACCOUNT_NAME_SIZE] = "";
	bool is_sub = false, approved = false, found;
	sqlite3_stmt *row = db_prepare(
		db, "SELECT name, parent_id IS NOT NULL, approved FROM accounts WHERE id = ?1", "i",
		account_id);
	enum exit_code error;

	found = db_next(row);
	if (found) {
		db_text(row, 0, name, sizeof(name));
		is_sub = sqlite3_column_int(row, 1);
		approved = sqlite3_column_int(row, 2);
	}
	error = db_finish(db, row);
	if (error)
		return error;
	if (!found)
		return fail(EXIT_NOT_ALLOWED, NULL, "the account was removed");
	if (is_sub)
		return fail(EXIT_NOT_ALLOWED, "use its root account, if that is approved",
		            "the account '%s' is a sub-account, which may not request permits",
		            name);
	if (!approved)
		return fail(EXIT_NOT_ALLOWED, "approve it: xdp-ratelimit account approve NAME",
		            "the account '%s' is not approved and may not request permits", name);
	return EXIT_DONE;
}

/* The time of the `index`-th oldest request (from 0) in the window. */
static enum exit_code read_oldest_after(struct db *db, __s64 account_id, __s64 after_ns,
                                        __s64 index, __s64 *at_unix_ns)
{
	return db_read(db, at_unix_ns, 0,
	               "SELECT at_unix_ns FROM requests WHERE account_id = ?1"
	               " AND at_unix_ns > ?2 ORDER BY at_unix_ns LIMIT 1 OFFSET ?3",
	               "iii", account_id, after_ns, index);
}

enum exit_code quota_read(struct db *db, __s64 account_id, const struct permit_rules *rules,
                          __s64 now_unix_ns, struct permit_quota *quota)
{
	__s64 after_ns = now_unix_ns - (__s64)rules->window_ns, used = 0, oldest_ns = 0;
	enum exit_code error = db_read(db, &used, 0,
	                               "SELECT count(*) FROM requests"
	                               " WHERE account_id = ?1 AND at_unix_ns > ?2",
	                               "ii", account_id, after_ns);

	*quota = (struct permit_quota){.limit = rules->max_requests, .reset_unix_ns = now_unix_ns};
	if (error || !used)
		goto out;
	/* `used` exceeds the limit if the limit was lowered */
	error = read_oldest_after(db, account_id, after_ns,
	                          used > rules->max_requests ? used - rules->max_requests : 0,
	                          &oldest_ns);
	quota->reset_unix_ns = oldest_ns + (__s64)rules->window_ns;
out:
	quota->remaining = used < rules->max_requests ? rules->max_requests - used : 0;
	return error;
}

enum exit_code quota_take(struct db *db, __s64 account_id, const struct permit_rules *rules,
                          __s64 now_unix_ns, struct permit_quota *quota)
{
	enum exit_code error = quota_read(db, account_id, rules, now_unix_ns, quota);
	char at[RESULT_TIME_SIZE], window[DURATION_TEXT_SIZE];
	double seconds;

	if (error || quota->remaining) {
		if (!error && quota->remaining-- == quota->limit) /* the first in the window */
			quota->reset_unix_ns = now_unix_ns + (__s64)rules->window_ns;
		return error;
	}
	seconds = (double)(quota->reset_unix_ns - now_unix_ns) / SECOND_NS;
	duration_format(rules->window_ns, window, sizeof(window));
	/* rounded up: a request succeeds at the second that is shown */
	result_format_time(at, (quota->reset_unix_ns + SECOND_NS - 1) / SECOND_NS);
	return fail_with_retry(EXIT_QUOTA, seconds, "put several addresses into one request",
	                       "the quota of %u requests in any %s is used up: the next one is "
	                       "possible at %s",
	                       quota->limit, window, at);
}
