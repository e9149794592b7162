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

static enum exit_code report_locked(const struct store *store)
{
	return fail(EXIT_BUSY, "try again; 'fuser' shows who has it open",
	            "the permit store %s is locked by another program (waited for %d s); nothing "
	            "was changed",
	            store->path, store->wait_ms / 1000);
}

static enum exit_code report_damaged(const struct store *store)
{
	return fail(EXIT_FAILED,
	            "restore it from a backup, or see RECOVERY in xdp-ratelimit(8); permits in "
	            "force stay in force meanwhile",
	            "the permit store %s is damaged (%s); nothing was changed", store->path,
	            sqlite3_errmsg(store->db));
}

static enum exit_code report_full(const struct store *store)
{
	return fail(EXIT_FAILED, "make room on that file system and try again",
	            "no space is left for the permit store %s; nothing was changed", store->path);
}

static enum exit_code report_unwritable(const struct store *store, int system)
{
	return fail(EXIT_FAILED, "its directory must be writable; --state-dir names another",
	            "the permit store %s can't be written (%s); nothing was changed", store->path,
	            system ? strerror(system) : sqlite3_errmsg(store->db));
}

static enum exit_code report_other(const struct store *store, int system)
{
	return fail(EXIT_FAILED, "the kernel's log may say more",
	            "the permit store %s failed: %s%s%s; nothing was changed", store->path,
	            store->db ? sqlite3_errmsg(store->db) : "out of memory", system ? ", " : "",
	            system ? strerror(system) : "");
}

/* Which of the things that go wrong with files it was, and what to do about it. */
static enum exit_code choose_report(const struct store *store)
{
	int code = store->db ? sqlite3_extended_errcode(store->db) : SQLITE_NOMEM;
	int system = store->db ? sqlite3_system_errno(store->db) : 0;

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return report_locked(store);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return report_damaged(store);
	case SQLITE_FULL:
		return report_full(store);
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return report_unwritable(store, 0);
	case SQLITE_CANTOPEN:
		return report_unwritable(store, system);
	case SQLITE_IOERR:
		return system == ENOSPC || system == EDQUOT ? report_full(store)
		                                            : report_other(store, system);
	default:
		return report_other(store, 0);
	}
}

static enum exit_code report(struct store *store)
{
	store->failed = choose_report(store);
	return store->failed;
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
static enum exit_code set_path(struct store *store, const char *state_dir)
{
	char real[PATH_MAX];

	if (realpath(state_dir, real))
		state_dir = real;
	if ((size_t)snprintf(store->path, sizeof(store->path), "%s/" STORE_FILE, state_dir) >=
	    sizeof(store->path) - 8)
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

static enum exit_code open_database(struct store *store, const char *state_dir)
{
	enum exit_code error;

	if (sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW,
	                    NULL))
		return report(store);
	sqlite3_extended_result_codes(store->db, 1);
	sqlite3_busy_timeout(store->db, store->wait_ms);
	error = store_schema_prepare(store, state_dir);
	if (!error) /* and not earlier: it may be somebody else's */
		keep_private(store->path);
	return error;
}

enum exit_code store_open(struct store *store, const char *state_dir, enum store_mode mode,
                          int wait_ms)
{
	enum exit_code error;

	*store = (struct store){.wait_ms = wait_ms};
	error = set_path(store, state_dir);
	if (!error)
		error = prepare_file(store->path, state_dir, mode);
	if (!error) /* again: now the directory is there */
		error = set_path(store, state_dir);
	if (!error)
		error = open_database(store, state_dir);
	if (error)
		store_close(store);
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

enum exit_code store_open_snapshot(struct store *store, const char *state_dir)
{
	char uri[3 * PATH_MAX + 32], wal[PATH_MAX + 8];
	struct stat file;

	*store = (struct store){};
	if (set_path(store, state_dir))
		return EXIT_FAILED;
	/* what stands in the log would be missing */
	snprintf(wal, sizeof(wal), "%s-wal", store->path);
	if (lstat(store->path, &file) || !S_ISREG(file.st_mode) ||
	    (!stat(wal, &file) && file.st_size))
		return EXIT_FAILED;
	write_uri(uri, sizeof(uri), store->path);
	if (!sqlite3_open_v2(uri, &store->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) &&
	    store_schema_is_known(store))
		return EXIT_DONE;
	store_close(store);
	return EXIT_FAILED;
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
	if (!statement)
		return store->failed;
	/* which says how the last step went, whatever else was done since */
	return sqlite3_finalize(statement) ? report(store) : EXIT_DONE;
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
