// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/permits/wall_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/clock.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

/* The two clocks are not read at the same instant. NTP slews both, which cancels out. */
#define TOLERANCE_NS 100000000LL

typedef char boot_id_text[40];

struct state {
	struct wall_clock clock;
	bool same_boot;
	__s64 seen_unix_ns;
};

static enum exit_code read_boot_id(boot_id_text id)
{
	FILE *file = fopen(BOOT_ID_FILE, "re");
	char *line = file ? fgets(id, sizeof(boot_id_text), file) : NULL;

	if (file)
		fclose(file);
	if (!line)
		return fail(EXIT_FAILED, "mount /proc", "cannot read " BOOT_ID_FILE);
	id[strcspn(id, "\n")] = '\0';
	return EXIT_DONE;
}

/* Moves every active permit, and the requests from `from_ns` on. */
static enum exit_code move(struct db *db, __s64 by_ns, __s64 from_ns)
{
	enum exit_code error = db_run(db,
	                              "UPDATE requests SET at_unix_ns = at_unix_ns + ?1"
	                              " WHERE at_unix_ns >= ?2",
	                              "ii", by_ns, from_ns);

	if (!error)
		error = db_run(db,
		               "UPDATE permits SET until_unix_ns = until_unix_ns + ?1,"
		               " since_unix_ns = since_unix_ns + ?1"
		               " WHERE ended_unix_ns IS NULL",
		               "i", by_ns);
	return error;
}

/* Requests since boot move with the clock. Older ones that lie in the future were made by a clock
 * that was ahead; the best that is known of them is that they are in the past. */
static enum exit_code apply_step(struct db *db, const struct state *state, __s64 now_ns,
                                 __s64 step_ns)
{
	enum exit_code error = move(db, step_ns, state->clock.boot_unix_ns);

	if (!error)
		error = db_run(db, "UPDATE requests SET at_unix_ns = ?1 WHERE at_unix_ns > ?1", "i",
		               now_ns);
	return error;
}

static enum exit_code apply_reboot(struct db *db, const struct state *state, __s64 now_ns)
{
	return now_ns < state->seen_unix_ns ? move(db, now_ns - state->seen_unix_ns, 0) : EXIT_DONE;
}

static enum exit_code write_state(struct db *db, const char *boot_id, __s64 boot_unix_ns,
                                  __s64 now_ns)
{
	return db_run(db, "UPDATE state SET boot_id = ?1, boot_unix_ns = ?2, seen_unix_ns = ?3",
	              "tii", boot_id, boot_unix_ns, now_ns);
}

static enum exit_code read_state(struct db *db, const char *boot_id, struct state *state)
{
	sqlite3_stmt *row = db_prepare(
		db, "SELECT boot_unix_ns, boot_id = ?1, seen_unix_ns FROM state", "t", boot_id);

	if (db_next(row)) {
		state->clock.boot_unix_ns = sqlite3_column_int64(row, 0);
		state->same_boot = sqlite3_column_int(row, 1);
		state->seen_unix_ns = sqlite3_column_int64(row, 2);
	}
	return db_finish(db, row);
}

enum exit_code wall_clock_adjust(struct db *db, struct wall_clock *clock)
{
	struct wall_clock today = {.boot_unix_ns = clock_boot_unix_ns()};
	__s64 now_ns = wall_clock_now_ns(&today), step_ns;
	struct state state = {};
	boot_id_text boot_id;
	enum exit_code error = read_boot_id(boot_id);

	if (!error)
		error = read_state(db, boot_id, &state);
	*clock = state.clock;
	if (error)
		return error;
	step_ns = today.boot_unix_ns - state.clock.boot_unix_ns;
	if (state.same_boot && llabs(step_ns) < TOLERANCE_NS)
		return EXIT_DONE;
	error = state.same_boot ? apply_step(db, &state, now_ns, step_ns)
	                        : apply_reboot(db, &state, now_ns);
	if (!error)
		error = write_state(db, boot_id, today.boot_unix_ns, now_ns);
	*clock = today;
	return error;
}

enum exit_code wall_clock_read(struct db *db, struct wall_clock *clock)
{
	return db_read(db, &clock->boot_unix_ns, 0, "SELECT boot_unix_ns FROM state", "");
}

__s64 wall_clock_now_ns(const struct wall_clock *clock)
{
	return clock->boot_unix_ns + (__s64)clock_boot_ns();
}
