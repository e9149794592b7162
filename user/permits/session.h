/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"
#include "user/permits/entries.h"
#include "user/permits/store.h"
#include "user/permits/types.h"
#include "user/permits/wall_clock.h"

/* One operation on store and map together. A session locks the pin directory, if there is one,
 * and then runs transactions on the store. The lock is always taken before the store's.
 *
 *      BEGIN ...changes... | map: mark | entries | generation | COMMIT | map: change number
 *
 * A process that dies on the way leaves the mark, or a change number that differs from the
 * store's. The next transaction sees either, compares the whole map and repairs it. */
struct permit_session {
	const struct permit_context *context;
	struct maps maps;
	struct db db;
	struct wall_clock clock;
	__s64 now_unix_ns; /* when the transaction began */
	int lock;          /* of the pin directory; -1: no directory, or the caller holds it */
	bool attached;
	bool owns_maps;
	bool changed; /* permits in the store */
};

enum permit_verify {
	PERMIT_VERIFY_NONE, /* trusts a map whose change number matches */
	PERMIT_VERIFY_FULL, /* compares every entry: linear in the number of permits */
};

/* Locks, opens, adjusts the clock, expires old permits and repairs the map. EXIT_NOT_FOUND without
 * a report if there is no store and `mode` is STORE_EXISTING. `maps`: the caller's maps, whose
 * lock the caller holds; NULL: those pinned. Always close the session. After an error db.handle is
 * set if the store can at least be read. */
enum exit_code permit_session_open(struct permit_session *session,
                                   const struct permit_context *context, enum store_mode mode,
                                   enum permit_verify verify, const struct maps *maps);

/* Returns whether an attached limiter has the changes, including one that was attached during the
 * session. */
bool permit_session_close(struct permit_session *session);

/* Begins a transaction, or commits it and activates the permits of `changed`. If the commit fails,
 * store and map are as before permit_session_begin(). Roll back a transaction that is not
 * committed. */
enum exit_code permit_session_begin(struct permit_session *session);
enum exit_code permit_session_commit(struct permit_session *session,
                                     struct permit_entries *changed);
