// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/permits/permit.h"

#include <sys/stat.h>
#include <stdlib.h>
#include <string.h>

#include "user/datapath/maps.h"
#include "user/util/clock.h"
#include "user/util/failpoint.h"
#include "user/permits/permit_rows.h"
#include "user/permits/quota.h"
#include "user/permits/session.h"

const char *permit_change_name(enum permit_change change)
{
	static const char *const names[] = {
		[PERMIT_NEW] = "new",
		[PERMIT_EXTENDED] = "extended",
		[PERMIT_UNCHANGED] = "unchanged",
		[PERMIT_REVOKED] = "revoked",
		[PERMIT_NONE] = "none",
	};

	return names[change];
}

/* Commits the transaction, or rolls it back after an error. */
static enum exit_code end(struct permit_session *session, enum exit_code error,
                          struct permit_entries *changed)
{
	if (!error)
		error = permit_session_commit(session, changed);
	if (error)
		db_rollback(&session->db);
	permit_entries_free(changed);
	return error;
}

/* ---- request ---- */

/* Whether a UTF-8 character that begins here is a C1 control (U+0080 to U+009F), which some
 * terminals obey, or changes the direction of the text (U+2028 to U+202E, U+2066 to U+2069). */
static bool is_hidden(const unsigned char *c)
{
	if (c[0] == 0xc2)
		return c[1] < 0xa0;
	if (c[0] != 0xe2)
		return false;
	return (c[1] == 0x80 && c[2] >= 0xa8 && c[2] <= 0xae) ||
	       (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9);
}

static bool is_plain_text(const char *text)
{
	bool plain = result_is_utf8(text);

	for (const unsigned char *c = (const unsigned char *)text; *c && plain; c++)
		plain = *c >= ' ' && *c != 0x7f && !is_hidden(c);
	return plain;
}

static enum exit_code check_comment(const char *comment)
{
	if (!comment)
		return EXIT_DONE;
	if (strlen(comment) >= PERMIT_COMMENT_SIZE)
		return fail(EXIT_USAGE, NULL, "the comment has %zu bytes; at most %d are allowed",
		            strlen(comment), PERMIT_COMMENT_SIZE - 1);
	if (!is_plain_text(comment))
		return fail(EXIT_USAGE, NULL,
		            "the comment must be UTF-8 text without control characters");
	return EXIT_DONE;
}

/* Extending needs no room, even if `entries` has been lowered below the present number. */
static enum exit_code check_room(struct permit_session *session,
                                 const struct permit_outcome *outcome)
{
	__u32 most = session->context->rules->max_permits, added = 0;
	__s64 there;
	enum exit_code error;

	for (__u32 i = 0; i < outcome->count; i++)
		added += outcome->results[i].change == PERMIT_NEW;
	if (!added)
		return EXIT_DONE;
	error = permit_rows_count(&session->db, most, &there);
	if (error || there <= most)
		return error;
	return fail(EXIT_FAILED,
	            "raise 'entries' of [permits] in the configuration and run attach again",
	            "at most %u addresses can be permitted at once; nothing was changed", most);
}

static enum exit_code permit_addresses(struct permit_session *session, __s64 account_id,
                                       __s64 request_id, const struct address_list *addresses,
                                       struct permit_outcome *outcome,
                                       struct permit_entries *changed)
{
	const struct permit_rules *rules = session->context->rules;
	__s64 until_ns = session->now_unix_ns + (__s64)(rules->lifetime_ns + rules->linger_ns);
	enum exit_code error = EXIT_DONE;

	for (__u32 i = 0; i < addresses->count && !error; i++) {
		struct permit_result *result = &outcome->results[i];

		result->address = addresses->addresses[i];
		error = permit_rows_permit(&session->db, account_id, request_id,
		                           session->now_unix_ns, until_ns, result);
		if (!error && result->change != PERMIT_UNCHANGED)
			error = permit_entries_add(changed, &result->address);
	}
	outcome->count = addresses->count;
	return error;
}

static enum exit_code request(struct permit_session *session, __s64 account_id,
                              const struct address_list *addresses, const char *comment,
                              const char *via, struct permit_outcome *outcome)
{
	struct permit_entries changed = {};
	__s64 request_id;
	enum exit_code error = permit_session_begin(session);

	failpoint("begun");
	if (!error)
		error = quota_check_account(&session->db, account_id);
	if (!error)
		error = quota_take(&session->db, account_id, session->context->rules,
		                   session->now_unix_ns, &outcome->quota);
	if (!error)
		error = permit_rows_add_request(&session->db, account_id, session->now_unix_ns,
		                                addresses, via, comment, &request_id);
	if (!error)
		error = permit_addresses(session, account_id, request_id, addresses, outcome,
		                         &changed);
	if (!error)
		error = check_room(session, outcome);
	failpoint("stored");
	return end(session, error, &changed);
}

enum exit_code permit_request(const struct permit_context *context, __s64 account_id,
                              const struct address_list *addresses, const char *comment,
                              const char *via, struct permit_outcome *outcome)
{
	struct permit_session session;
	enum exit_code error = check_comment(comment);

	outcome->count = 0;
	outcome->quota = (struct permit_quota){};
	if (error)
		return error;
	error = permit_session_open(&session, context, STORE_CREATE, PERMIT_VERIFY_NONE, NULL);
	if (!error)
		error = request(&session, account_id, addresses, comment, via, outcome);
	outcome->attached = permit_session_close(&session);
	return error;
}

/* ---- revoke ---- */

static enum exit_code revoke(struct permit_session *session, __s64 account_id,
                             const struct address_list *addresses, struct permit_outcome *outcome)
{
	struct permit_entries changed = {};
	enum exit_code error = permit_session_begin(session);

	for (__u32 i = 0; i < addresses->count && !error; i++) {
		struct permit_result *result = &outcome->results[i];

		result->address = addresses->addresses[i];
		error = permit_rows_revoke(&session->db, account_id, session->now_unix_ns, result);
		if (!error && result->change == PERMIT_REVOKED)
			error = permit_entries_add(&changed, &result->address);
	}
	outcome->count = addresses->count;
	if (!error && account_id != PERMIT_ALL_ACCOUNTS)
		error = quota_read(&session->db, account_id, session->context->rules,
		                   session->now_unix_ns, &outcome->quota);
	return end(session, error, &changed);
}

enum exit_code permit_revoke(const struct permit_context *context, __s64 account_id,
                             const struct address_list *addresses, struct permit_outcome *outcome)
{
	struct permit_session session;
	enum exit_code error =
		permit_session_open(&session, context, STORE_CREATE, PERMIT_VERIFY_NONE, NULL);

	outcome->count = 0;
	outcome->quota = (struct permit_quota){};
	if (!error)
		error = revoke(&session, account_id, addresses, outcome);
	outcome->attached = permit_session_close(&session);
	return error;
}

/* ---- reading ---- */

static void warn_of_missing_store(const struct permit_session *session)
{
	unsigned int permits = session->attached ? maps_count_permits(&session->maps) : 0;

	if (permits)
		warn("there is no permit store in %s, but %u permits are active: the next request "
		     "imports them into a new store; restore a backup instead to keep their "
		     "accounts",
		     session->context->state_dir, permits);
}

/* Falls back to a read-only store if nothing can be expired or repaired (a full disk). */
static enum exit_code open_for_reading(struct permit_session *session,
                                       const struct permit_context *context)
{
	enum exit_code error =
		permit_session_open(session, context, STORE_EXISTING, PERMIT_VERIFY_FULL, NULL);

	if (error && error != EXIT_NOT_FOUND && !session->db.handle)
		store_open_snapshot(&session->db, context->state_dir);
	return error;
}

/* Lists what can be read, with a warning if expiry or repair failed. */
enum exit_code permit_list(const struct permit_context *context, __s64 account_id, bool ended,
                           struct permit_record **records, __u32 *count)
{
	struct permit_session session;
	struct failure failure = {};
	struct failure *outer = result_capture(&failure);
	enum exit_code error = open_for_reading(&session, context), unreadable = EXIT_FAILED;

	*records = NULL;
	*count = 0;
	if (session.db.handle)
		unreadable = permit_rows_list(&session.db, account_id, ended, records, count);
	result_capture(outer);
	if (error == EXIT_NOT_FOUND)
		warn_of_missing_store(&session);
	else if (unreadable)
		fail(failure.code, failure.hint[0] ? failure.hint : NULL, "%s", failure.message);
	else if (error)
		warn("the list may include expired permits: %s", failure.message);
	permit_session_close(&session);
	return error == EXIT_NOT_FOUND || !unreadable ? EXIT_DONE : failure.code;
}

enum exit_code permit_read_quota(const struct permit_context *context, __s64 account_id,
                                 struct permit_quota *quota)
{
	struct permit_session session;
	enum exit_code error =
		permit_session_open(&session, context, STORE_CREATE, PERMIT_VERIFY_NONE, NULL);

	if (!error)
		error = quota_check_account(&session.db, account_id);
	if (!error)
		error = quota_read(&session.db, account_id, context->rules, session.now_unix_ns,
		                   quota);
	permit_session_close(&session);
	return error;
}

/* ---- maintenance and accounts ---- */

enum exit_code permit_maintain(const struct permit_context *context)
{
	struct permit_session session;
	enum exit_code error =
		permit_session_open(&session, context, STORE_EXISTING, PERMIT_VERIFY_NONE, NULL);

	permit_session_close(&session);
	return error == EXIT_NOT_FOUND ? EXIT_DONE : error;
}

enum exit_code permit_restore(const struct permit_context *context, const struct maps *maps)
{
	struct permit_session session;
	enum exit_code error =
		permit_session_open(&session, context, STORE_EXISTING, PERMIT_VERIFY_FULL, maps);

	permit_session_close(&session);
	return error == EXIT_NOT_FOUND ? EXIT_DONE : error;
}

__u32 permit_count_stored(const char *state_dir)
{
	struct failure failure;
	struct failure *outer = result_capture(&failure);
	struct db db;
	__s64 count = 0;

	if (store_open(&db, state_dir, STORE_EXISTING, STORE_SHORT_WAIT_MS) ||
	    permit_rows_count_unexpired(&db, clock_unix_ns(), &count))
		count = 0;
	store_close(&db);
	result_capture(outer);
	return count;
}

static enum exit_code collect_permits(struct permit_session *session, __s64 account_id,
                                      struct permit_entries *entries)
{
	struct permit_record *records;
	__u32 count;
	enum exit_code error = permit_rows_list(&session->db, account_id, false, &records, &count);

	for (__u32 i = 0; i < count && !error; i++)
		error = permit_entries_add(entries, &records[i].address);
	free(records);
	return error;
}

static enum exit_code remove_account(struct permit_session *session, const char *name,
                                     __u32 *ended_permits)
{
	struct permit_entries changed = {};
	struct account account;
	enum exit_code error = permit_session_begin(session);

	if (!error)
		error = account_read(&session->db, name, &account);
	if (!error)
		error = account_check_removable(&session->db, &account);
	if (!error)
		error = collect_permits(session, account.id, &changed);
	*ended_permits = changed.count;
	if (!error)
		error = account_delete(&session->db, &account);
	return end(session, error, &changed);
}

enum exit_code permit_remove_account(const struct permit_context *context, const char *name,
                                     __u32 *ended_permits)
{
	struct permit_session session;
	enum exit_code error =
		permit_session_open(&session, context, STORE_CREATE, PERMIT_VERIFY_NONE, NULL);

	*ended_permits = 0;
	if (!error)
		error = remove_account(&session, name, ended_permits);
	permit_session_close(&session);
	return error;
}
