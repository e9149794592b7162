// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "permit_session.h"

#include <unistd.h>

#include "fault.h"
#include "permit_map.h"
#include "pins.h"

static enum exit_code open_limiter(struct permit_session *session, const struct instance *instance)
{
	const char *pin_dir = session->context->pin_dir;
	enum exit_code error;

	if (instance) {
		session->instance = *instance;
		session->limiter_there = true;
		return EXIT_DONE;
	}
	error = pins_lock(pin_dir, &session->lock);
	if (error == EXIT_NOT_FOUND)
		return EXIT_DONE;
	if (error)
		return error;
	instance_open(&session->instance, pin_dir, 0, 0);
	session->owns_instance = true;
	session->limiter_there = instance_takes_permits(&session->instance);
	return EXIT_DONE;
}

/* The whole map, when it isn't known to hold what the store says. A thorough session doesn't
 * believe what is known: somebody may have used bpftool. */
static enum exit_code mend(struct permit_session *session, bool thorough)
{
	struct permit_entries all = {};
	__s64 change;
	bool settled;
	enum exit_code error = permit_store_change(&session->store, &change);

	settled = (__u64)change == instance_store_change(&session->instance);
	if (error || !session->limiter_there || (settled && !thorough))
		return error;
	error = permit_store_read_all(&session->store, &all);
	if (!error)
		error = permit_map_mend(&session->instance, &session->clock, &all, settled);
	if (!error)
		error = permit_map_settle(&session->instance, change);
	permit_entries_free(&all);
	return error;
}

/* What the rest relies on: moments by today's clock, nothing in force that has run out, and a
 * map that holds the rest. */
static enum exit_code tidy(struct permit_session *session, bool thorough)
{
	struct permit_entries ended = {};
	enum exit_code error = store_begin(&session->store);

	if (!error)
		error = store_clock_adjust(&session->store, &session->clock);
	session->now_unix_ns = store_clock_now_ns(&session->clock);
	/* in the same transaction, so that the store doesn't change in between */
	if (!error)
		error = mend(session, thorough);
	fault_point("mended");
	if (!error)
		error = permit_store_sweep(&session->store, session->now_unix_ns, &ended);
	if (!error)
		error = permit_store_forget(&session->store, session->now_unix_ns);
	if (!error)
		error = permit_session_commit(session, &ended);
	if (error)
		store_rollback(&session->store);
	permit_entries_free(&ended);
	return error;
}

enum exit_code permit_session_open(struct permit_session *session,
                                   const struct permit_context *context, enum store_mode mode,
                                   enum permit_care care, const struct instance *instance)
{
	enum exit_code error;

	*session = (struct permit_session){.context = context, .lock = -1};
	error = open_limiter(session, instance);
	if (!error)
		error = store_open(&session->store, context->state_dir, mode);
	if (!error)
		error = tidy(session, care == PERMIT_THOROUGH);
	return error;
}

void permit_session_close(struct permit_session *session)
{
	store_close(&session->store);
	if (session->owns_instance)
		instance_close(&session->instance);
	if (session->lock >= 0)
		close(session->lock);
}

enum exit_code permit_session_begin(struct permit_session *session)
{
	enum exit_code error = store_begin(&session->store);

	session->now_unix_ns = store_clock_now_ns(&session->clock);
	return error;
}

/* The store is as before, so the map can be made so again. If even that fails, it stays
 * unsettled, and the next session mends it. */
static void put_back(struct permit_session *session, struct permit_entries *changed)
{
	__s64 change;

	store_rollback(&session->store);
	if (!session->limiter_there || permit_store_look_up(&session->store, changed) ||
	    permit_map_follow(&session->instance, &session->clock, changed) ||
	    permit_store_change(&session->store, &change))
		return;
	permit_map_settle(&session->instance, change);
}

enum exit_code permit_session_commit(struct permit_session *session, struct permit_entries *changed)
{
	__s64 change = 0;
	enum exit_code error = EXIT_DONE;

	if (!changed->count)
		return store_commit(&session->store);
	error = permit_store_look_up(&session->store, changed);
	if (!error)
		error = permit_store_next_change(&session->store, &change);
	if (!error && session->limiter_there)
		error = permit_map_follow(&session->instance, &session->clock, changed);
	fault_point("before_commit");
	if (!error)
		error = store_commit(&session->store);
	fault_point("committed");
	if (error)
		put_back(session, changed);
	else if (session->limiter_there)
		/* what fails here the next session mends */
		permit_map_settle(&session->instance, change);
	fault_point("settled");
	return error;
}
