// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/permits/session.h"

#include <stdlib.h>
#include <unistd.h>
#include <sys/stat.h>

#include "user/util/failpoint.h"
#include "user/datapath/link.h"
#include "user/permits/map_sync.h"
#include "user/datapath/pin_dir.h"

static int shorter(int usual_ms, int most_ms)
{
	return most_ms && most_ms < usual_ms ? most_ms : usual_ms;
}

static enum exit_code open_limiter(struct permit_session *session, const struct instance *instance)
{
	const char *pin_dir = session->context->pin_dir;
	enum exit_code error;

	if (instance) {
		session->instance = *instance;
		session->attached = true;
		return EXIT_DONE;
	}
	error = pins_lock(pin_dir, shorter(PINS_WAIT_MS, session->context->wait_ms),
	                  &session->lock);
	if (error == EXIT_NOT_FOUND)
		return EXIT_DONE;
	if (error)
		return error;
	instance_open(&session->instance, pin_dir, 0, 0);
	session->owns_instance = true;
	session->attached = instance_takes_permits(&session->instance);
	if (session->instance.other_layout)
		return fail(EXIT_FAILED,
		            "run attach again with this version: it replaces the program in "
		            "place and keeps the permits",
		            "the maps in %s are of another version of xdp-ratelimit; nothing was "
		            "changed",
		            pin_dir);
	return interface_check_maps(pin_dir);
}

/* Drops what the store has for as long, or longer. */
static enum exit_code drop_known(struct permit_session *session, struct permit_entries *found)
{
	struct permit_entries stored = {};
	enum exit_code error = EXIT_DONE;
	__u32 kept = 0;

	for (__u32 i = 0; i < found->count && !error; i++)
		error = permit_entries_add(&stored, &found->entries[i].address);
	if (!error)
		error = permit_rows_look_up(&session->db, &stored);
	for (__u32 i = 0; i < found->count && !error; i++)
		if (found->entries[i].until_unix_ns > stored.entries[i].until_unix_ns)
			found->entries[kept++] = found->entries[i];
	found->count = kept;
	permit_entries_free(&stored);
	return error;
}

/* What a map holds that has never followed this store: the store is new, the permits are not. */
static enum exit_code import_map(struct permit_session *session)
{
	struct permit_entries found = {};
	enum exit_code error = map_sync_read(&session->instance, &session->clock, &found);

	if (!error)
		error = drop_known(session, &found);
	if (!error)
		error = permit_rows_import(&session->db, session->now_unix_ns, &found);
	if (!error && found.count)
		warn("the store is new: %u permits that were in force are taken over into it",
		     found.count);
	permit_entries_free(&found);
	return error;
}

/* New maps that are not pinned yet may never be: the pinned `meta` must not say of the pinned
 * map what is true of the new one. */
static __u64 change_to_record(const struct permit_session *session, __s64 change)
{
	const struct instance *instance = &session->instance;

	return instance->fresh[SHARED_PERMITS] && !instance->fresh[SHARED_META] ? 0 : change;
}

static enum exit_code compare_all(struct permit_session *session, __s64 change, bool synced)
{
	struct permit_entries all = {};
	enum exit_code error = permit_rows_read_all(&session->db, &all);

	if (!error)
		error = map_sync_repair(&session->instance, &session->clock, &all, synced);
	if (!error)
		error = map_sync_commit(&session->instance, change_to_record(session, change));
	permit_entries_free(&all);
	return error;
}

/* The whole map, when it isn't known to hold what the store says. A thorough session doesn't
 * believe what is known: somebody may have used bpftool. */
static enum exit_code repair(struct permit_session *session, enum permit_verify verify)
{
	bool is_synced, synced;
	__s64 change;
	enum exit_code error = permit_rows_is_synced(&session->db, &is_synced);

	if (!error && !is_synced && session->attached)
		error = import_map(session);
	if (!error)
		error = permit_rows_last_change(&session->db, &change);
	if (error || !session->attached)
		return error;
	synced = is_synced && (__u64)change == instance_store_change(&session->instance);
	if (synced && verify == PERMIT_VERIFY_NONE)
		return EXIT_DONE;
	return compare_all(session, change, synced);
}

/* In a transaction of its own: were it rolled back together with others, the map would be put
 * back by another clock than the store's. */
static enum exit_code adjust_clock(struct permit_session *session)
{
	enum exit_code error = db_begin(&session->db);

	if (!error)
		error = wall_clock_adjust(&session->db, &session->clock);
	fault_point("clock_adjusted");
	if (!error)
		error = db_commit(&session->db);
	if (error)
		db_rollback(&session->db);
	return error;
}

/* Puts away what has run out. */
static enum exit_code expire(struct permit_session *session)
{
	struct permit_entries ended = {};
	enum exit_code error = permit_rows_expire(&session->db, session->now_unix_ns, &ended);

	if (!error)
		error = permit_rows_purge(&session->db, session->context->rules,
		                          session->now_unix_ns);
	if (!error)
		error = permit_session_commit(session, &ended);
	permit_entries_free(&ended);
	return error;
}

/* Others may work on the store between two transactions, if they don't see the pin directory and
 * its lock: from another mount namespace, say. So each one looks at the map again. */
static enum exit_code begin(struct permit_session *session, enum permit_verify verify)
{
	enum exit_code error = db_begin(&session->db);

	if (!error)
		error = wall_clock_read(&session->db, &session->clock);
	session->now_unix_ns = wall_clock_now_ns(&session->clock);
	if (!error)
		error = repair(session, verify);
	fault_point("mended");
	return error;
}

/* What the rest relies on: moments by today's clock, nothing in force that has run out, and a
 * map that holds the rest. */
static enum exit_code prepare(struct permit_session *session, enum permit_verify verify)
{
	enum exit_code error = adjust_clock(session);

	if (!error)
		error = begin(session, verify);
	if (!error)
		error = expire(session);
	if (error)
		db_rollback(&session->db);
	return error;
}

enum exit_code permit_session_open(struct permit_session *session,
                                   const struct permit_context *context, enum store_mode mode,
                                   enum permit_verify verify, const struct instance *instance)
{
	enum exit_code error;

	*session = (struct permit_session){.context = context, .lock = -1};
	error = open_limiter(session, instance);
	if (!error)
		error = store_open(&session->db, context->state_dir, mode,
		                   shorter(session->lock >= 0 || instance ? STORE_SHORT_WAIT_MS
		                                                          : STORE_WAIT_MS,
		                           context->wait_ms));
	if (!error)
		error = prepare(session, verify);
	return error;
}

/* What was changed while there was no limiter may have been missed by one that came just then:
 * it read the store before, or it is there to be seen now. Returns whether it is. */
static bool sync_attached_meanwhile(const struct permit_context *context)
{
	struct failure failure = {};
	struct failure *usual;
	struct permit_session again;
	enum exit_code error;
	struct stat directory;
	bool there;

	if (stat(context->pin_dir, &directory))
		return false;
	usual = output_capture(&failure);
	error = permit_session_open(&again, context, STORE_EXISTING, PERMIT_VERIFY_NONE, NULL);
	there = permit_session_close(&again);
	output_capture(usual);
	if (error)
		warn("kept, but not yet in force: %s", failure.message);
	return !error && there;
}

bool permit_session_close(struct permit_session *session)
{
	store_close(&session->db);
	if (session->owns_instance)
		instance_close(&session->instance);
	if (session->lock >= 0)
		close(session->lock);
	if (session->changed && !session->attached)
		return sync_attached_meanwhile(session->context);
	return session->attached;
}

enum exit_code permit_session_begin(struct permit_session *session)
{
	fault_point("between_transactions");
	return begin(session, PERMIT_VERIFY_NONE);
}

/* The store is as before, so the map can be made so again. If even that fails, it stays
 * unsettled, and the next session mends it. */
static void undo(struct permit_session *session, struct permit_entries *changed)
{
	__s64 change;

	db_rollback(&session->db);
	if (!session->attached || permit_rows_look_up(&session->db, changed) ||
	    map_sync_write(&session->instance, &session->clock, changed) ||
	    permit_rows_last_change(&session->db, &change))
		return;
	map_sync_commit(&session->instance, change);
}

enum exit_code permit_session_commit(struct permit_session *session, struct permit_entries *changed)
{
	__s64 change = 0;
	enum exit_code error = EXIT_DONE;

	if (!changed->count)
		return db_commit(&session->db);
	session->changed = true;
	error = permit_rows_look_up(&session->db, changed);
	if (!error)
		error = permit_rows_next_change(&session->db, session->now_unix_ns, &change);
	if (!error && session->attached)
		error = map_sync_write(&session->instance, &session->clock, changed);
	fault_point("before_commit");
	if (!error)
		error = db_commit(&session->db);
	fault_point("committed");
	if (error)
		undo(session, changed);
	else if (session->attached)
		/* what fails here the next session mends */
		map_sync_commit(&session->instance, change);
	fault_point("settled");
	return error;
}
