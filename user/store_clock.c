// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "store_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

/* Adjusting by less would only write: NTP slews a clock by up to 43 s a day. */
#define TOLERANCE_NS 100000000LL

typedef char boot_id_text[40];

static enum exit_code read_boot_id(boot_id_text id)
{
	FILE *file = fopen(BOOT_ID_FILE, "re");
	char *line = file ? fgets(id, sizeof(boot_id_text), file) : NULL;

	if (file)
		fclose(file);
	if (!line)
		return fail(EXIT_FAILED, "is /proc mounted?", "cannot read " BOOT_ID_FILE);
	id[strcspn(id, "\n")] = '\0';
	return EXIT_DONE;
}

/* What was written since boot, and what is in force, moves with the clock. */
static enum exit_code follow_step(struct store *store, __s64 old_boot_unix_ns, __s64 step_ns)
{
	enum exit_code error = store_run(store,
	                                 "UPDATE requests SET at_unix_ns = at_unix_ns + ?1"
	                                 " WHERE at_unix_ns >= ?2",
	                                 "ii", step_ns, old_boot_unix_ns);

	if (!error)
		error = store_run(store,
		                  "UPDATE permits SET until_unix_ns = until_unix_ns + ?1,"
		                  " since_unix_ns = since_unix_ns + ?1"
		                  " WHERE ended_unix_ns IS NULL",
		                  "i", step_ns);
	return error;
}

/* Requests that lie in the future were made just now, for all that can be known. */
static enum exit_code follow_reboot(struct store *store, __s64 now_ns)
{
	enum exit_code error = store_run(
		store,
		"UPDATE permits SET until_unix_ns = until_unix_ns - requests.at_unix_ns + ?1,"
		" since_unix_ns = min(since_unix_ns, ?1)"
		" FROM requests WHERE requests.id = request_id AND requests.at_unix_ns > ?1"
		" AND ended_unix_ns IS NULL",
		"i", now_ns);

	if (!error)
		error = store_run(store,
		                  "UPDATE requests SET at_unix_ns = ?1 WHERE at_unix_ns > ?1", "i",
		                  now_ns);
	return error;
}

static enum exit_code write_state(struct store *store, const char *boot_id, __s64 boot_unix_ns)
{
	return store_run(store, "UPDATE state SET boot_id = ?1, boot_unix_ns = ?2", "ti", boot_id,
	                 boot_unix_ns);
}

static enum exit_code read_state(struct store *store, const char *boot_id, bool *same_boot,
                                 struct store_clock *clock)
{
	sqlite3_stmt *row =
		store_prepare(store, "SELECT boot_unix_ns, boot_id = ?1 FROM state", "t", boot_id);

	if (store_next(row)) {
		clock->boot_unix_ns = sqlite3_column_int64(row, 0);
		*same_boot = sqlite3_column_int(row, 1);
	}
	return store_finish(store, row);
}

enum exit_code store_clock_adjust(struct store *store, struct store_clock *clock)
{
	__s64 boot_unix_ns = clock_boot_unix_ns(), step_ns;
	bool same_boot = false;
	boot_id_text boot_id;
	enum exit_code error = read_boot_id(boot_id);

	if (!error)
		error = read_state(store, boot_id, &same_boot, clock);
	if (error)
		return error;
	step_ns = boot_unix_ns - clock->boot_unix_ns;
	if (same_boot && llabs(step_ns) < TOLERANCE_NS)
		return EXIT_DONE;
	error = same_boot ? follow_step(store, clock->boot_unix_ns, step_ns)
	                  : follow_reboot(store, boot_unix_ns + (__s64)clock_boot_ns());
	if (!error)
		error = write_state(store, boot_id, boot_unix_ns);
	clock->boot_unix_ns = boot_unix_ns;
	return error;
}

__s64 store_clock_now_ns(const struct store_clock *clock)
{
	return clock->boot_unix_ns + (__s64)clock_boot_ns();
}
