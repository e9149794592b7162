// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/permits/db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum exit_code report_locked(const struct db *db)
{
	return fail(EXIT_BUSY, "try again; 'fuser' shows who has it open",
	            "the permit store %s is locked by another program (waited for %d s); nothing "
	            "was changed",
	            db->path, db->wait_ms / 1000);
}

static enum exit_code report_damaged(const struct db *db)
{
	return fail(EXIT_FAILED,
	            "restore it from a backup, or see Recovery in xdp-ratelimit-permit(8); active "
	            "permits stay active meanwhile",
	            "the permit store %s is damaged (%s); nothing was changed", db->path,
	            sqlite3_errmsg(db->handle));
}

static enum exit_code report_full(const struct db *db)
{
	return fail(EXIT_FAILED, "free space on that file system and try again",
	            "no space is left for the permit store %s; nothing was changed", db->path);
}

static enum exit_code report_unwritable(const struct db *db, int system)
{
	return fail(EXIT_FAILED, "make its directory writable, or choose another with --state-dir",
	            "cannot write the permit store %s (%s); nothing was changed", db->path,
	            system ? strerror(system) : sqlite3_errmsg(db->handle));
}

static enum exit_code report_other(const struct db *db, int system)
{
	return fail(EXIT_FAILED, "see the kernel's log",
	            "cannot use the permit store %s: %s%s%s; nothing was changed", db->path,
	            db->handle ? sqlite3_errmsg(db->handle) : "out of memory", system ? ", " : "",
	            system ? strerror(system) : "");
}

static enum exit_code choose_report(const struct db *db)
{
	int code = db->handle ? sqlite3_extended_errcode(db->handle) : SQLITE_NOMEM;
	int system = db->handle ? sqlite3_system_errno(db->handle) : 0;

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return report_locked(db);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return report_damaged(db);
	case SQLITE_FULL:
		return report_full(db);
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return report_unwritable(db, 0);
	case SQLITE_CANTOPEN:
		return report_unwritable(db, system);
	case SQLITE_IOERR:
		return system == ENOSPC || system == EDQUOT ? report_full(db)
		                                            : report_other(db, system);
	default:
		return report_other(db, 0);
	}
}

enum exit_code db_report(struct db *db)
{
	db->failed = choose_report(db);
	return db->failed;
}

enum exit_code db_begin(struct db *db)
{
	return db_run(db, "BEGIN IMMEDIATE", "");
}

enum exit_code db_commit(struct db *db)
{
	return db_run(db, "COMMIT", "");
}

void db_rollback(struct db *db)
{
	/* some errors roll back by themselves */
	if (db->handle && !sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

static int bind(sqlite3_stmt *statement, const char *types, va_list args)
{
	int error = SQLITE_OK;

	for (int i = 0; types[i] && !error; i++) {
		const void *data;

		switch (types[i]) {
		case 'i':
			error = sqlite3_bind_int64(statement, i + 1, va_arg(args, __s64));
			break;
		case 't':
			error = sqlite3_bind_text(statement, i + 1, va_arg(args, const char *), -1,
			                          SQLITE_TRANSIENT);
			break;
		default:
			data = va_arg(args, const void *);
			error = sqlite3_bind_blob(statement, i + 1, data, va_arg(args, int),
			                          SQLITE_TRANSIENT);
		}
	}
	return error;
}

static sqlite3_stmt *prepare(struct db *db, const char *sql, const char *types, va_list args)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) ||
	    bind(statement, types, args)) {
		db_report(db);
		sqlite3_finalize(statement);
		return NULL;
	}
	return statement;
}

sqlite3_stmt *db_prepare(struct db *db, const char *sql, const char *types, ...)
{
	sqlite3_stmt *statement;
	va_list args;

	va_start(args, types);
	statement = prepare(db, sql, types, args);
	va_end(args);
	return statement;
}

bool db_next(sqlite3_stmt *statement)
{
	return statement && sqlite3_step(statement) == SQLITE_ROW;
}

void db_text(sqlite3_stmt *row, int column, char *text, size_t size)
{
	const unsigned char *value = sqlite3_column_text(row, column);

	snprintf(text, size, "%s", value ? (const char *)value : "");
}

enum exit_code db_finish(struct db *db, sqlite3_stmt *statement)
{
	if (!statement)
		return db->failed;
	/* sqlite3_finalize() returns the error of the last step */
	return sqlite3_finalize(statement) ? db_report(db) : EXIT_DONE;
}

enum exit_code db_run(struct db *db, const char *sql, const char *types, ...)
{
	sqlite3_stmt *statement;
	va_list args;

	va_start(args, types);
	statement = prepare(db, sql, types, args);
	va_end(args);
	while (db_next(statement))
		;
	return db_finish(db, statement);
}

enum exit_code db_read(struct db *db, __s64 *value, __s64 otherwise, const char *sql,
                       const char *types, ...)
{
	sqlite3_stmt *statement;
	va_list args;

	va_start(args, types);
	statement = prepare(db, sql, types, args);
	va_end(args);
	*value = db_next(statement) ? sqlite3_column_int64(statement, 0) : otherwise;
	return db_finish(db, statement);
}
