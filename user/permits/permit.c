// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/permits/permit.h"

#include <sys/stat.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/clock.h"
#include "user/util/duration.h"
#include "user/util/failpoint.h"
#include "user/permits/account_store.h"
#include "user/permits/permit_restore.h"
#include "user/permits/session.h"

#define SECOND_NS 1000000000LL

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

/* Of a transaction: puts in force what it changed, or takes all of it back. */
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

/* At the beginning of a character in UTF-8: a control character of the second kind (U+0080 to
 * U+009F), which some terminals obey, or one that changes the direction of what follows. */
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
	json_t *string = json_string(text); /* takes nothing but UTF-8 */
	bool plain = string;

	json_decref(string);
	for (const unsigned char *c = (const unsigned char *)text; *c && plain; c++)
		plain = *c >= ' ' && *c != 0x7f && !is_hidden(c);
	return plain;
}

static enum exit_code check_comment(const char *comment)
{
	if (!comment)
		return EXIT_DONE;
	if (strlen(comment) >= PERMIT_COMMENT_SIZE)
		return fail(EXIT_USAGE, NULL,
		            "the comment is %zu bytes long; at most %d are possible",
		            strlen(comment), PERMIT_COMMENT_SIZE - 1);
	if (!is_plain_text(comment))
		return fail(EXIT_USAGE, NULL,
		            "the comment must be UTF-8 text without control characters");
	return EXIT_DONE;
}

/* The quota, and what is left of it when this request is one of those that count. */
static enum exit_code take_quota(struct permit_session *session, __s64 account_id,
                                 struct permit_quota *quota)
{
	const struct permit_rules *rules = session->context->rules;
	enum exit_code error =
		quota_read(&session->db, account_id, rules, session->now_unix_ns, quota);
	char at[OUTPUT_TIME_SIZE], window[DURATION_TEXT_SIZE];
	double seconds;

	if (error || quota->remaining) {
		if (!error && quota->remaining-- == quota->limit) /* the first one */
			quota->reset_unix_ns = session->now_unix_ns + (__s64)rules->window_ns;
		return error;
	}
	seconds = (double)(quota->reset_unix_ns - session->now_unix_ns) / SECOND_NS;
	duration_format(rules->window_ns, window, sizeof(window));
	/* rounded up: at the second that is shown, it is possible */
	output_time(at, (quota->reset_unix_ns + SECOND_NS - 1) / SECOND_NS);
	return fail_for_now(EXIT_QUOTA, seconds,
	                    "requests for the same addresses go together in one",
	                    "the quota of %u requests in any %s is used up: the next one is "
	                    "possible at %s",
	                    quota->limit, window, at);
}

/* Renewing needs none, even when there are more than a smaller configuration allows. */
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

	fault_point("begun");
	if (!error)
		error = quota_check_account(&session->db, account_id);
	if (!error)
		error = take_quota(session, account_id, &outcome->quota);
	if (!error)
		error = permit_rows_add_request(&session->db, account_id, session->now_unix_ns,
		                                addresses, via, comment, &request_id);
	if (!error)
		error = permit_addresses(session, account_id, request_id, addresses, outcome,
		                         &changed);
	if (!error)
		error = check_room(session, outcome);
	fault_point("stored");
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
	unsigned int permits = session->attached ? instance_count_permits(&session->instance) : 0;

	if (permits)
		warn("there is no permit store in %s, but %u permits are in force: the next "
		     "request takes them over into a new store; a backup would know more",
		     session->context->state_dir, permits);
}

/* Opens what can be read when nothing can be put in order, on a full disk, say. */
static enum exit_code open_for_reading(struct permit_session *session,
                                       const struct permit_context *context)
{
	enum exit_code error =
		permit_session_open(session, context, STORE_EXISTING, PERMIT_VERIFY_FULL, NULL);

	if (error && error != EXIT_NOT_FOUND && !session->db.handle)
		store_open_snapshot(&session->db, context->state_dir);
	return error;
}

/* What can be read is shown, with a warning if it isn't all there is to say. */
enum exit_code permit_list(const struct permit_context *context, __s64 account_id, bool ended,
                           struct permit_record **records, __u32 *count)
{
	struct permit_session session;
	struct failure failure = {};
	struct failure *usual = output_capture(&failure);
	enum exit_code error = open_for_reading(&session, context), unreadable = EXIT_FAILED;

	*records = NULL;
	*count = 0;
	if (session.db.handle)
		unreadable = permit_rows_list(&session.db, account_id, ended, records, count);
	output_capture(usual);
	if (error == EXIT_NOT_FOUND)
		warn_of_missing_store(&session);
	else if (unreadable)
		fail(failure.code, failure.hint[0] ? failure.hint : NULL, "%s", failure.message);
	else if (error)
		warn("what has run out may still be shown: %s", failure.message);
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

/* ---- the rest ---- */

enum exit_code permit_maintain(const struct permit_context *context)
{
	struct permit_session session;
	enum exit_code error =
		permit_session_open(&session, context, STORE_EXISTING, PERMIT_VERIFY_NONE, NULL);

	permit_session_close(&session);
	return error == EXIT_NOT_FOUND ? EXIT_DONE : error;
}

enum exit_code permit_restore(const struct permit_context *context, const struct instance *instance)
{
	struct permit_session session;
	enum exit_code error = permit_session_open(&session, context, STORE_EXISTING,
	                                           PERMIT_VERIFY_FULL, instance);

	permit_session_close(&session);
	return error == EXIT_NOT_FOUND ? EXIT_DONE : error;
}

__u32 permit_count_stored(const char *state_dir)
{
	struct failure failure;
	struct failure *usual = output_capture(&failure);
	struct db db;
	__s64 count = 0;

	if (store_open(&db, state_dir, STORE_EXISTING, STORE_SHORT_WAIT_MS) ||
	    db_read(&db, &count, 0,
	            "SELECT count(DISTINCT address) FROM permits"
	            " WHERE ended_unix_ns IS NULL AND until_unix_ns > ?1",
	            "i", clock_unix_ns()))
		count = 0;
	store_close(&db);
	output_capture(usual);
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
