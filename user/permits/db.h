/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <linux/types.h>
#include <sqlite3.h>

#include "user/util/result.h"

/* Transactions and statements of the permit store. Every failure is reported with fail(). */

struct db {
	sqlite3 *handle;
	char path[PATH_MAX];
	int wait_ms;           /* while others hold the lock */
	enum exit_code failed; /* as last reported */
};

/* Reports the last error of the handle. */
enum exit_code db_report(struct db *db);

/* Begins a write transaction, waiting for other writers. An uncommitted one leaves no trace, even
 * after kill -9 or a power cut. */
enum exit_code db_begin(struct db *db);
enum exit_code db_commit(struct db *db);
void db_rollback(struct db *db);

/* Prepares a statement. `types` has a letter for each of the values that follow: i (__s64),
 * t (const char *, may be NULL), b (const void *, int length). Returns NULL after a report. */
sqlite3_stmt *db_prepare(struct db *db, const char *sql, const char *types, ...);

/* True: there is a row. False: no more; db_finish() reports an error. */
bool db_next(sqlite3_stmt *statement);

/* Copies a text column; NULL becomes the empty text. */
void db_text(sqlite3_stmt *row, int column, char *text, size_t size);

/* Releases the statement and reports its error. NULL: already reported. */
enum exit_code db_finish(struct db *db, sqlite3_stmt *statement);

/* Runs a statement without reading rows. */
enum exit_code db_run(struct db *db, const char *sql, const char *types, ...);

/* Reads the first column of the only row, or `otherwise` if there is no row. */
enum exit_code db_read(struct db *db, __s64 *value, __s64 otherwise, const char *sql,
                       const char *types, ...);
