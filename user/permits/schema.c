// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/permits/schema.h"

#include <stdio.h>
#include <unistd.h>

#include "user/util/dir_lock.h"

#define APPLICATION_ID 0x58524c50

/* The migration from each version to the next. Append only; never change one. */
static const char *const migrations[] = {
	/* 1. `state` has one row. `change` counts changes of active permits; the limiter records
         * the one its map holds. It starts at random, so that two stores hardly ever agree.
         * `boot_unix_ns`: wall clock minus boot time, valid within the boot `boot_id`.
         * `seen_unix_ns`: the time of the last write. `followed`: a map has been synced to this
         * store; until then, permits found in a map are imported.
         * `permits`: ended_unix_ns is NULL while the permit is active. */
	"CREATE TABLE state ("
	"	id INTEGER PRIMARY KEY CHECK (id = 1),"
	"	change INTEGER NOT NULL,"
	"	boot_id TEXT NOT NULL,"
	"	boot_unix_ns INTEGER NOT NULL,"
	"	seen_unix_ns INTEGER NOT NULL,"
	"	followed INTEGER NOT NULL CHECK (followed IN (0, 1))"
	") STRICT;"
	"CREATE TABLE accounts ("
	"	id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"	name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
	"	parent_id INTEGER REFERENCES accounts(id) ON DELETE RESTRICT,"
	"	approved INTEGER NOT NULL CHECK (approved IN (0, 1)),"
	"	created_unix_ns INTEGER NOT NULL,"
	"	CHECK (parent_id IS NULL OR approved = 0)"
	") STRICT;"
	"CREATE TABLE tokens ("
	"	account_id INTEGER PRIMARY KEY REFERENCES accounts(id) ON DELETE CASCADE,"
	"	token_id TEXT NOT NULL UNIQUE,"
	"	secret_sha256 BLOB NOT NULL CHECK (length(secret_sha256) = 32),"
	"	created_unix_ns INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE requests ("
	"	id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"	account_id INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,"
	"	at_unix_ns INTEGER NOT NULL,"
	"	address_count INTEGER NOT NULL,"
	"	via TEXT NOT NULL,"
	"	comment TEXT"
	") STRICT;"
	"CREATE INDEX requests_of_account ON requests(account_id, at_unix_ns);"
	"CREATE INDEX requests_by_time ON requests(at_unix_ns);"
	"CREATE TABLE permits ("
	"	id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"	address TEXT NOT NULL,"
	"	account_id INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,"
	"	request_id INTEGER NOT NULL REFERENCES requests(id) ON DELETE CASCADE,"
	"	since_unix_ns INTEGER NOT NULL,"
	"	until_unix_ns INTEGER NOT NULL,"
	"	ended_unix_ns INTEGER"
	") STRICT;"
	"CREATE UNIQUE INDEX permits_in_force ON permits(address, account_id)"
	"	WHERE ended_unix_ns IS NULL;"
	"CREATE INDEX permits_by_end ON permits(until_unix_ns) WHERE ended_unix_ns IS NULL;"
	"CREATE INDEX permits_ended ON permits(ended_unix_ns) WHERE ended_unix_ns IS NOT NULL;"
	"CREATE INDEX permits_of_account ON permits(account_id);"
	"CREATE INDEX permits_of_request ON permits(request_id);"
	"INSERT INTO state VALUES (1, (abs(random()) >> 2) + 1, '', 0, 0, 0);"
	"INSERT INTO accounts (name, approved, created_unix_ns)"
	"	VALUES ('local', 1, CAST(unixepoch() AS INTEGER) * 1000000000);"
	"PRAGMA application_id = 0x58524c50;",
};

#define VERSION ((__s64)(sizeof(migrations) / sizeof(migrations[0])))

static enum exit_code execute(struct db *db, const char *sql)
{
	enum exit_code error = EXIT_DONE;

	while (*sql && !error) {
		sqlite3_stmt *statement;
		const char *rest;

		if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, &rest))
			return db_run(db, sql, ""); /* reports the error */
		while (db_next(statement))
			;
		error = db_finish(db, statement);
		sql = rest;
	}
	return error;
}

static enum exit_code migrate(struct db *db)
{
	char remember[64];
	__s64 version;
	enum exit_code error = db_begin(db);

	if (!error) /* another process may have migrated it meanwhile */
		error = db_read(db, &version, 0, "PRAGMA user_version", "");
	for (__s64 i = error ? VERSION : version; i < VERSION && !error; i++)
		error = execute(db, migrations[i]);
	/* a PRAGMA cannot have bound values */
	snprintf(remember, sizeof(remember), "PRAGMA user_version = %lld", VERSION);
	if (!error)
		error = db_run(db, remember, "");
	if (!error)
		error = db_commit(db);
	if (error)
		db_rollback(db);
	return error;
}

static enum exit_code set_up(struct db *db, const char *state_dir)
{
	/* switching to WAL needs exclusive access and does not wait for it */
	int lock = dir_lock(state_dir);
	enum exit_code error = db_run(db, "PRAGMA journal_mode = WAL", "");

	if (!error)
		error = migrate(db);
	if (lock >= 0)
		close(lock);
	return error;
}

/* The marks of a database file; all zero in a new one. */
struct marks {
	__s64 version, application, tables;
};

/* One statement, which cannot see half of a migration. */
static enum exit_code read_marks(struct db *db, struct marks *marks)
{
	sqlite3_stmt *row = db_prepare(db,
	                               "SELECT (SELECT user_version FROM pragma_user_version),"
	                               " (SELECT application_id FROM pragma_application_id),"
	                               " (SELECT count(*) FROM sqlite_schema)",
	                               "");

	if (db_next(row))
		*marks = (struct marks){sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1),
		                        sqlite3_column_int64(row, 2)};
	return db_finish(db, row);
}

static bool is_ours(const struct marks *marks)
{
	return marks->application == APPLICATION_ID && marks->version > 0;
}

static bool is_empty(const struct marks *marks)
{
	return !marks->application && !marks->version && !marks->tables;
}

bool schema_is_current(struct db *db)
{
	struct marks marks = {};

	return !read_marks(db, &marks) && is_ours(&marks) && marks.version == VERSION;
}

enum exit_code schema_prepare(struct db *db, const char *state_dir)
{
	struct marks marks = {};
	/* FULL: NORMAL would lose the last commits of a WAL in a power cut. TRUSTED_SCHEMA: the
	 * file may be another program's. */
	enum exit_code error = execute(db, "PRAGMA synchronous = FULL;"
	                                   "PRAGMA foreign_keys = ON;"
	                                   "PRAGMA trusted_schema = OFF;");

	if (!error)
		error = read_marks(db, &marks);
	if (error)
		return error;
	if (!is_ours(&marks) && !is_empty(&marks))
		return fail(
			EXIT_FAILED, "move it away, or choose another --state-dir",
			"%s is not a permit store but the database of another program; nothing was "
			"changed",
			db->path);
	if (marks.version > VERSION)
		return fail(EXIT_FAILED, "install that version",
		            "the permit store %s was written by a newer version of xdp-ratelimit "
		            "(tables of version %lld, this program supports %lld); nothing was "
		            "changed",
		            db->path, marks.version, VERSION);
	return marks.version == VERSION ? EXIT_DONE : set_up(db, state_dir);
}
