// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/permits/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/permits/schema.h"

/* Reports `errno` of an attempt to read, write or create `path`. */
static enum exit_code cannot(const char *what, const char *path)
{
	bool denied = errno == EACCES || errno == EPERM;

	return fail(denied ? EXIT_NOT_ALLOWED : EXIT_FAILED,
	            denied ? "run it as root, for example with sudo"
	                   : "make its directory writable, or choose another with --state-dir",
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
		/* only the last directory is private */
		if (mkdir(part, i < length ? 0755 : 0700) && errno != EEXIST)
			return cannot("create the state directory", part);
	}
	return EXIT_DONE;
}

/* SQLite would apply the umask to mode 0644; its side files copy the mode of this file. */
static enum exit_code make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return cannot("create the permit store", path);
	close(fd);
	return EXIT_DONE;
}

static enum exit_code check_file(const char *path, const struct stat *file, enum store_mode mode)
{
	if (!S_ISREG(file->st_mode))
		return fail(EXIT_FAILED, "move it away; active permits stay active meanwhile",
		            "the permit store %s is %s; nothing was changed", path,
		            S_ISDIR(file->st_mode)   ? "a directory"
		            : S_ISLNK(file->st_mode) ? "a symbolic link"
		                                     : "not a file");
	/* its creator was killed before writing to it */
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

/* SQLite is told to follow no symbolic link, so resolve those in the path of the directory. A
 * directory that does not exist yet is left as it is. */
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

/* A restored backup may be world-readable. */
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
		return db_report(db);
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, db->wait_ms);
	error = schema_prepare(db, state_dir);
	if (!error) /* not earlier: the file may be another program's */
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
	if (!error) /* again, now that the directory exists */
		error = set_path(db, state_dir);
	if (!error)
		error = open_database(db, state_dir);
	if (error)
		store_close(db);
	return error;
}

/* Escapes the path for a URI. */
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
	/* rows in the log would be missing */
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
