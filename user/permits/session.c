// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/permits/session.h"

#include <stdlib.h>
#include <unistd.h>
#include <sys/stat.h>

#include "user/datapath/generation.h"
#include "user/datapath/link_check.h"
#include "user/datapath/pin_lock.h"
#include "user/util/failpoint.h"
#include "user/permits/map_sync.h"
#include "user/permits/permit_rows.h"

static int shorter(int default_ms, int max_ms)
{
	return max_ms && max_ms < default_ms ? max_ms : default_ms;
}

static enum exit_code open_limiter(struct permit_session *session, const struct maps *maps)
{
	const char *pin_dir = session->context->pin_dir;
	enum exit_code error;

	if (maps) {
		session->maps = *maps;
		session->attached = true;
		return EXIT_DONE;
	}
	error = pin_lock(pin_dir, shorter(PIN_LOCK_WAIT_MS, session->context->wait_ms),
	                 &session->lock);
	if (error == EXIT_NOT_FOUND)
		return EXIT_DONE;
	if (error)
		return error;
	maps_open(&session->maps, pin_dir, 0, 0);
	session->owns_maps = true;
	session->attached = maps_take_permits(&session->maps);
	if (session->maps.incompatible)
		return fail(
			EXIT_FAILED,
			"run attach again with this version: it replaces the program in "
			"place and keeps the permits",
			"the maps in %s belong to another version of xdp-ratelimit; nothing was "
			"changed",
			pin_dir);
	return link_check_maps(pin_dir);
}

/* Drops entries that the store permits for at least as long. */
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

/* A map that was never synced to this store is older than the store: import its permits. */
static enum exit_code import_map(struct permit_session *session)
{
	struct permit_entries found = {};
	enum exit_code error = map_sync_read(&session->maps, &session->clock, &found);

	if (!error)
		error = drop_known(session, &found);
	if (!error)
		error = permit_rows_import(&session->db, session->now_unix_ns, &found);
	if (!error && found.count)
		warn("the permit store is new: imported %u active permits from the map",
		     found.count);
	permit_entries_free(&found);
	return error;
}

/* A new `permits` beside the pinned `meta` may never be pinned: the change number in `meta` must
 * not claim for the pinned map what holds for the new one. */
static __u64 change_to_record(const struct permit_session *session, __s64 change)
{
	const struct maps *maps = &session->maps;

	return maps->created[MAP_PERMITS] && !maps->created[MAP_META] ? 0 : change;
}

static enum exit_code compare_all(struct permit_session *session, __s64 change, bool synced)
{
	struct permit_entries all = {};
	enum exit_code error = permit_rows_read_all(&session->db, &all);

	if (!error)
		error = map_sync_repair(&session->maps, &session->clock, &all, synced);
	if (!error)
		error = map_sync_commit(&session->maps, change_to_record(session, change));
	permit_entries_free(&all);
	return error;
}

/* Repairs the map unless its change number matches. PERMIT_VERIFY_FULL does not trust the number,
 * because an operator may have changed the map with bpftool. */
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
	synced = is_synced && (__u64)change == generation_store_change(&session->maps);
	if (synced && verify == PERMIT_VERIFY_NONE)
		return EXIT_DONE;
	return compare_all(session, change, synced);
}

/* In a transaction of its own: rolled back with other changes, the map would be restored by
 * another clock than the store's. */
static enum exit_code adjust_clock(struct permit_session *session)
{
	enum exit_code error = db_begin(&session->db);

	if (!error)
		error = wall_clock_adjust(&session->db, &session->clock);
	failpoint("clock_adjusted");
	if (!error)
		error = db_commit(&session->db);
	if (error)
		db_rollback(&session->db);
	return error;
}

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

/* Processes that cannot see the lock of the pin directory, in another mount namespace, may change
 * the store between two transactions. So each transaction checks the map again. */
static enum exit_code begin(struct permit_session *session, enum permit_verify verify)
{
	enum exit_code error = db_begin(&session->db);

	if (!error)
		error = wall_clock_read(&session->db, &session->clock);
	session->now_unix_ns = wall_clock_now_ns(&session->clock);
	if (!error)
		error = repair(session, verify);
	failpoint("repaired");
	return error;
}

/* Establishes what all operations rely on: times by today's clock, no expired permit active, and
 * a map that matches the store. */
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
                                   enum permit_verify verify, const struct maps *maps)
{
	enum exit_code error;

	*session = (struct permit_session){.context = context, .lock = -1};
	error = open_limiter(session, maps);
	if (!error)
		error = store_open(
			&session->db, context->state_dir, mode,
			shorter(session->lock >= 0 || maps ? STORE_SHORT_WAIT_MS : STORE_WAIT_MS,
		                context->wait_ms));
	if (!error)
		error = prepare(session, verify);
	return error;
}

/* A limiter attached during a session without one may have read the store before the change. It
 * can be found now: sync it. Returns whether there is one. */
static bool sync_attached_meanwhile(const struct permit_context *context)
{
	struct failure failure = {};
	struct failure *outer;
	struct permit_session second;
	enum exit_code error;
	struct stat directory;
	bool attached;

	if (stat(context->pin_dir, &directory))
		return false;
	outer = result_capture(&failure);
	error = permit_session_open(&second, context, STORE_EXISTING, PERMIT_VERIFY_NONE, NULL);
	attached = permit_session_close(&second);
	result_capture(outer);
	if (error)
		warn("stored, but not yet active: %s", failure.message);
	return !error && attached;
}

bool permit_session_close(struct permit_session *session)
{
	store_close(&session->db);
	if (session->owns_maps)
		maps_close(&session->maps);
	if (session->lock >= 0)
		close(session->lock);
	if (session->changed && !session->attached)
		return sync_attached_meanwhile(session->context);
	return session->attached;
}

enum exit_code permit_session_begin(struct permit_session *session)
{
	failpoint("between_transactions");
	return begin(session, PERMIT_VERIFY_NONE);
}

/* Rolls back and restores the map from the store. If that fails, too, the map stays marked and the
 * next session repairs it. */
static void undo(struct permit_session *session, struct permit_entries *changed)
{
	__s64 change;

	db_rollback(&session->db);
	if (!session->attached || permit_rows_look_up(&session->db, changed) ||
	    map_sync_write(&session->maps, &session->clock, changed) ||
	    permit_rows_last_change(&session->db, &change))
		return;
	map_sync_commit(&session->maps, change);
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
		error = map_sync_write(&session->maps, &session->clock, changed);
	failpoint("before_commit");
	if (!error)
		error = db_commit(&session->db);
	failpoint("committed");
	if (error)
		undo(session, changed);
	else if (session->attached)
		/* after a failure here the next session repairs the map */
		map_sync_commit(&session->maps, change);
	failpoint("synced");
	return error;
}
