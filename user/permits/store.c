// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/permits/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/permits/schema.h"

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
	            "restore it from a backup, or see RECOVERY in xdp-ratelimit(8); permits in "
	            "force stay in force meanwhile",
	            "the permit store %s is damaged (%s); nothing was changed", db->path,
	            sqlite3_errmsg(db->handle));
}

static enum exit_code report_full(const struct db *db)
{
	return fail(EXIT_FAILED, "make room on that file system and try again",
	            "no space is left for the permit store %s; nothing was changed", db->path);
}

static enum exit_code report_unwritable(const struct db *db, int system)
{
	return fail(EXIT_FAILED, "its directory must be writable; --state-dir names another",
	            "the permit store %s can't be written (%s); nothing was changed", db->path,
	            system ? strerror(system) : sqlite3_errmsg(db->handle));
}

static enum exit_code report_other(const struct db *db, int system)
{
	return fail(EXIT_FAILED, "the kernel's log may say more",
	            "the permit store %s failed: %s%s%s; nothing was changed", db->path,
	            db->handle ? sqlite3_errmsg(db->handle) : "out of memory", system ? ", " : "",
	            system ? strerror(system) : "");
}

/* Which of the things that go wrong with files it was, and what to do about it. */
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

static enum exit_code report(struct db *db)
{
	db->failed = choose_report(db);
	return db->failed;
}

/* `errno` says why `path` can't be read, written or made. */
static enum exit_code cannot(const char *what, const char *path)
{
	bool denied = errno == EACCES || errno == EPERM;

	return fail(denied ? EXIT_NOT_ALLOWED : EXIT_FAILED,
	            denied ? "run it as root, for example with sudo"
	                   : "its directory must be writable; --state-dir names another",
	            "cannot %s %s: %m; nothing was changed", what, path);
}

static enum exit_code make_directory(const char *state_dir)
{
	char part[PATH_MAX];
	size_t length = strlen(state_dir);

	while (length > 1 && state_dir[length - 1] == '/')
		length--;
	for (size_t i = 1; i <= length; i++) {
		if (i < length && state_dir[i] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, state_dir);
		/* only the last one is ours alone */
		if (mkdir(part, i < length ? 0755 : 0700) && errno != EEXIST)
			return cannot("make the state directory", part);
	}
	return EXIT_DONE;
}

/* SQLite would make it with the usual mode; its other files then take after this one. */
static enum exit_code make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return cannot("make the permit store", path);
	close(fd);
	return EXIT_DONE;
}

static enum exit_code check_file(const char *path, const struct stat *file, enum store_mode mode)
{
	if (!S_ISREG(file->st_mode))
		return fail(EXIT_FAILED, "move it away; permits in force stay in force meanwhile",
		            "the permit store %s is %s; nothing was changed", path,
		            S_ISDIR(file->st_mode)   ? "a directory"
		            : S_ISLNK(file->st_mode) ? "a symbolic link"
		                                     : "not a file");
	/* whoever made it was killed before there was anything in it */
	if (mode == STORE_EXISTING && !file->st_size)
		return EXIT_NOT_FOUND;
	if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS))
		return cannot("read the permit store", path);
	if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS))
		return cannot("write the permit store", path);
	return EXIT_DONE;
}

static enum exit_code prepare_file(const char *path, const char *state_dir, enum store_mode mode)
{
	enum exit_code error;
	struct stat file;

	if (!lstat(path, &file))
		return check_file(path, &file, mode);
	if (errno != ENOENT && (errno != ENOTDIR || mode == STORE_CREATE))
		return cannot("read the permit store", path);
	if (mode == STORE_EXISTING)
		return EXIT_NOT_FOUND;
	error = make_directory(state_dir);
	return error ? error : make_file(path);
}

/* Without symbolic links: SQLite is told to follow none, and only the file's own name matters
 * for that. A directory that isn't there yet has no such name. */
static enum exit_code set_path(struct db *db, const char *state_dir)
{
	char real[PATH_MAX];

	if (realpath(state_dir, real))
		state_dir = real;
	if ((size_t)snprintf(db->path, sizeof(db->path), "%s/" STORE_FILE, state_dir) >=
	    sizeof(db->path) - 8)
		return fail(EXIT_USAGE, NULL, "the path of the state directory is too long");
	return EXIT_DONE;
}

/* A copy that was put in its place may be readable for all. */
static void keep_private(const char *path)
{
	struct stat file;

	if (stat(path, &file) || file.st_uid != geteuid() || !(file.st_mode & 077))
		return;
	if (chmod(path, 0600))
		warn("cannot make %s readable for its owner only: %m", path);
}

static enum exit_code open_database(struct db *db, const char *state_dir)
{
	enum exit_code error;

	if (sqlite3_open_v2(db->path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW,
	                    NULL))
		return report(db);
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, db->wait_ms);
	error = schema_prepare(db, state_dir);
	if (!error) /* and not earlier: it may be somebody else's */
		keep_private(db->path);
	return error;
}

enum exit_code store_open(struct db *db, const char *state_dir, enum store_mode mode, int wait_ms)
{
	enum exit_code error;

	*db = (struct db){.wait_ms = wait_ms};
	error = set_path(db, state_dir);
	if (!error)
		error = prepare_file(db->path, state_dir, mode);
	if (!error) /* again: now the directory is there */
		error = set_path(db, state_dir);
	if (!error)
		error = open_database(db, state_dir);
	if (error)
		store_close(db);
	return error;
}

/* As a URI wants it. */
static void write_uri(char *uri, size_t size, const char *path)
{
	size_t length = snprintf(uri, size, "file:");

	for (; *path && length + 4 < size; path++)
		length += snprintf(uri + length, size - length,
		                   strchr("%?#", *path) ? "%%%02x" : "%c", (unsigned char)*path);
	snprintf(uri + length, size - length, "?immutable=1");
}

enum exit_code store_open_snapshot(struct db *db, const char *state_dir)
{
	char uri[3 * PATH_MAX + 32], wal[PATH_MAX + 8];
	struct stat file;

	*db = (struct db){};
	if (set_path(db, state_dir))
		return EXIT_FAILED;
	/* what stands in the log would be missing */
	snprintf(wal, sizeof(wal), "%s-wal", db->path);
	if (lstat(db->path, &file) || !S_ISREG(file.st_mode) || (!stat(wal, &file) && file.st_size))
		return EXIT_FAILED;
	write_uri(uri, sizeof(uri), db->path);
	if (!sqlite3_open_v2(uri, &db->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) &&
	    schema_is_current(db))
		return EXIT_DONE;
	store_close(db);
	return EXIT_FAILED;
}

void store_close(struct db *db)
{
	sqlite3_close_v2(db->handle);
	db->handle = NULL;
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
	/* some errors have rolled it back already */
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
		report(db);
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

enum exit_code db_finish(struct db *db, sqlite3_stmt *statement)
{
	if (!statement)
		return db->failed;
	/* which says how the last step went, whatever else was done since */
	return sqlite3_finalize(statement) ? report(db) : EXIT_DONE;
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
