// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_schema.h"

#define WAIT_MS 10000

/* Which of the things that go wrong with files it was, and what to do about it. */
static enum exit_code report(struct store *store)
{
	int code = store->db ? sqlite3_errcode(store->db) : SQLITE_NOMEM;
	int system = store->db ? sqlite3_system_errno(store->db) : 0;
	const char *path = store->path;

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return fail(EXIT_BUSY, "try again; 'fuser' shows who has it open",
		            "the permit store %s has been locked by another program for %d "
		            "seconds; nothing was changed",
		            path, WAIT_MS / 1000);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fail(
			EXIT_FAILED,
			"restore it from a backup, or see RECOVERY in xdp-ratelimit(8); permits "
			"in force stay in force meanwhile",
			"the permit store %s is damaged (%s); nothing was changed", path,
			sqlite3_errmsg(store->db));
	case SQLITE_FULL:
		return fail(EXIT_FAILED, "make room on that file system and try again",
		            "no space is left for the permit store %s; nothing was changed", path);
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return fail(EXIT_FAILED,
		            "its directory must be writable; --state-dir names another",
		            "the permit store %s can't be written (%s); nothing was changed", path,
		            system ? strerror(system) : sqlite3_errmsg(store->db));
	default:
		return fail(EXIT_FAILED, NULL,
		            "the permit store %s failed: %s%s%s; nothing was "
		            "changed",
		            path, store->db ? sqlite3_errmsg(store->db) : "out of memory",
		            system ? ", " : "", system ? strerror(system) : "");
	}
}

static enum exit_code make_directory(const char *state_dir)
{
	char part[PATH_MAX];

	for (size_t i = 1; i <= strlen(state_dir); i++) {
		if (state_dir[i] != '/' && state_dir[i])
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, state_dir);
		/* only the last one is ours alone */
		if (mkdir(part, state_dir[i] ? 0755 : 0700) && errno != EEXIST)
			return fail(EXIT_FAILED, "choose another one with --state-dir",
			            "cannot make the state directory %s: %m", part);
	}
	return EXIT_DONE;
}

/* SQLite would make it with the usual mode; its other files then take after this one. */
static enum exit_code make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return fail(EXIT_FAILED, "choose another directory with --state-dir",
		            "cannot make the permit store %s: %m; nothing was changed", path);
	close(fd);
	return EXIT_DONE;
}

static enum exit_code prepare_file(const char *path, const char *state_dir, enum store_mode mode)
{
	enum exit_code error;
	struct stat file;

	if (!stat(path, &file))
		return EXIT_DONE;
	if (mode == STORE_EXISTING)
		return errno == ENOENT || errno == ENOTDIR
		               ? EXIT_NOT_FOUND
		               : fail(EXIT_NOT_ALLOWED, "run it as root, for example with sudo",
		                      "cannot read the state directory %s: %m", state_dir);
	error = make_directory(state_dir);
	return error ? error : make_file(path);
}

enum exit_code store_open(struct store *store, const char *state_dir, enum store_mode mode)
{
	enum exit_code error;

	*store = (struct store){};
	if ((size_t)snprintf(store->path, sizeof(store->path), "%s/" STORE_FILE, state_dir) >=
	    sizeof(store->path) - 8)
		return fail(EXIT_USAGE, NULL, "the path of the state directory is too long");
	error = prepare_file(store->path, state_dir, mode);
	if (error)
		return error;
	if (sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW,
	                    NULL)) {
		error = report(store);
	} else {
		sqlite3_extended_result_codes(store->db, 1);
		sqlite3_busy_timeout(store->db, WAIT_MS);
		error = store_schema_prepare(store, state_dir);
	}
	if (error)
		store_close(store);
	return error;
}

void store_close(struct store *store)
{
	sqlite3_close_v2(store->db);
	store->db = NULL;
}

enum exit_code store_begin(struct store *store)
{
	return store_run(store, "BEGIN IMMEDIATE", "");
}

enum exit_code store_commit(struct store *store)
{
	return store_run(store, "COMMIT", "");
}

void store_rollback(struct store *store)
{
	/* some errors have rolled it back already */
	if (store->db && !sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
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

static sqlite3_stmt *prepare(struct store *store, const char *sql, const char *types, va_list args)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) ||
	    bind(statement, types, args)) {
		report(store);
		sqlite3_finalize(statement);
		return NULL;
	}
	return statement;
}

sqlite3_stmt *store_prepare(struct store *store, const char *sql, const char *types, ...)
{
	sqlite3_stmt *statement;
	va_list args;

	va_start(args, types);
	statement = prepare(store, sql, types, args);
	va_end(args);
	return statement;
}

bool store_next(sqlite3_stmt *statement)
{
	return statement && sqlite3_step(statement) == SQLITE_ROW;
}

enum exit_code store_finish(struct store *store, sqlite3_stmt *statement)
{
	enum exit_code error = EXIT_DONE;
	int code = statement ? sqlite3_errcode(store->db) : SQLITE_ERROR;

	if (!statement)
		return EXIT_FAILED;
	if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW)
		error = report(store);
	sqlite3_finalize(statement);
	return error;
}

enum exit_code store_run(struct store *store, const char *sql, const char *types, ...)
{
	sqlite3_stmt *statement;
	va_list args;

	va_start(args, types);
	statement = prepare(store, sql, types, args);
	va_end(args);
	while (store_next(statement))
		;
	return store_finish(store, statement);
}

enum exit_code store_read(struct store *store, __s64 *value, __s64 otherwise, const char *sql,
                          const char *types, ...)
{
	sqlite3_stmt *statement;
	va_list args;

	va_start(args, types);
	statement = prepare(store, sql, types, args);
	va_end(args);
	*value = store_next(statement) ? sqlite3_column_int64(statement, 0) : otherwise;
	return store_finish(store, statement);
}
