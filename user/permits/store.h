/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/permits/db.h"

/* The permit store: a SQLite file in the state directory, mode 0600, in WAL mode. schema.c defines
 * its tables. Every failure is reported with fail(). Times are Unix time in ns. */

#define STORE_FILE "permits.db"

enum store_mode {
	STORE_EXISTING, /* EXIT_NOT_FOUND, without a report, if there is no store */
	STORE_CREATE,   /* creates the store and its directory */
};

#define STORE_WAIT_MS       10000
#define STORE_SHORT_WAIT_MS 2000 /* while holding a lock that others wait for */

/* `wait_ms`: how long to wait for others' locks, now and later. */
enum exit_code store_open(struct db *db, const char *state_dir, enum store_mode mode, int wait_ms);
void store_close(struct db *db);

/* Opens the store read-only and immutable, for when even SQLite's side files cannot be written (a
 * full disk). Fails, without a report, unless the file alone holds everything. */
enum exit_code store_open_snapshot(struct db *db, const char *state_dir);
