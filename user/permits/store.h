/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <linux/types.h>
#include <sqlite3.h>

#include "user/util/result.h"

/* The permit store: a SQLite file in the state directory, mode 0600, in WAL mode. Its tables
 * are in store_schema.c. Whatever fails here is reported. Moments are Unix time in ns. */

#define STORE_FILE "permits.db"

struct db {
	sqlite3 *handle;
	char path[PATH_MAX];
	int wait_ms;           /* for others that have it locked */
	enum exit_code failed; /* as reported last */
};

enum store_mode {
	STORE_EXISTING, /* EXIT_NOT_FOUND, without a report, when there is none */
	STORE_CREATE,   /* with its directory */
};

#define STORE_WAIT_MS       10000
#define STORE_SHORT_WAIT_MS 2000 /* for who holds a lock that others wait for */

/* `wait_ms`: for others that have it locked, now and later. */
enum exit_code store_open(struct db *db, const char *state_dir, enum store_mode mode, int wait_ms);
void store_close(struct db *db);

/* What can be read when nothing can be written, not even what SQLite needs beside it, on a full
 * disk, say. Fails without a report when there is no whole file to read. */
enum exit_code store_open_snapshot(struct db *db, const char *state_dir);

/* A transaction that writes: it waits for others. What isn't committed is as if it
 * had never been, also after kill -9 and a power cut. */
enum exit_code db_begin(struct db *db);
enum exit_code db_commit(struct db *db);
void db_rollback(struct db *db);

/* Prepares a statement. `types`: a letter for each value that follows: i (__s64), t (const char *,
 * NULL for none), b (const void *, int length). NULL after a report. */
sqlite3_stmt *db_prepare(struct db *db, const char *sql, const char *types, ...);

/* True: there is a row. False: no more; an error shows when it is finished. */
bool db_next(sqlite3_stmt *statement);

/* Releases it, and reports what went wrong on the way. Takes NULL (already reported). */
enum exit_code db_finish(struct db *db, sqlite3_stmt *statement);

/* Runs a statement that has no rows to read. */
enum exit_code db_run(struct db *db, const char *sql, const char *types, ...);

/* The first column of the only row; `otherwise` when there is no row. */
enum exit_code db_read(struct db *db, __s64 *value, __s64 otherwise, const char *sql,
                       const char *types, ...);
