/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"
#include "user/permits/permit.h"
#include "user/permits/permit_rows.h"
#include "user/permits/wall_clock.h"

/* One piece of work on store and map together. It holds the lock of the pin directory, if there
 * is one, and works in one transaction after another: always the lock first, then the store.
 *
 *      BEGIN ...changes... | map: "unsettled" | entries | announced | COMMIT | map: "settled"
 *
 * Whoever dies on the way leaves either an unsettled map, or one settled for another change than
 * the store's. Both are seen at the beginning of the next transaction, and then the whole map is
 * compared and mended. */
struct permit_session {
	const struct permit_context *context;
	struct instance instance;
	struct db db;
	struct wall_clock clock;
	__s64 now_unix_ns; /* as of the beginning of the transaction */
	int lock; /* of the pin directory; -1: it is not there, or somebody else's business */
	bool attached;
	bool owns_instance;
	bool changed; /* permits, in the store */
};

enum permit_verify {
	PERMIT_VERIFY_NONE, /* believes a map that is settled */
	PERMIT_VERIFY_FULL, /* compares every entry, which takes as long as there are permits */
};

/* Locks, opens, adjusts the clock, puts away what has run out, and mends the map. With
 * STORE_EXISTING it is EXIT_NOT_FOUND, without a report, when there is no store. `instance`: the
 * caller's own, whose lock it holds; NULL: what is pinned there. Close it in any case. After an
 * error store.db is there if the store can at least be read. */
enum exit_code permit_session_open(struct permit_session *session,
                                   const struct permit_context *context, enum store_mode mode,
                                   enum permit_verify verify, const struct instance *instance);

/* Returns whether a limiter has what was changed: also one that came meanwhile. */
bool permit_session_close(struct permit_session *session);

/* Begins a transaction; ends it with the permits of `changed` put in force as the store now has
 * them. When that fails, both are as they were before permit_session_begin. Roll back whatever
 * isn't committed. */
enum exit_code permit_session_begin(struct permit_session *session);
enum exit_code permit_session_commit(struct permit_session *session,
                                     struct permit_entries *changed);
