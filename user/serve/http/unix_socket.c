// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/http/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOCK_ATTEMPTS 40
#define LOCK_PAUSE_US 50000

static enum exit_code make_directory(const char *directory)
{
	/* chmod as well, because the umask of a service may mask these bits */
	if (!mkdir(directory, 0755) && !chmod(directory, 0755))
		return EXIT_DONE;
	if (errno == EEXIST)
		return EXIT_DONE;
	return fail(EXIT_FAILED, "create it, or listen elsewhere",
	            "cannot create the directory %s for the socket: %m", directory);
}

/* A lock on a file that has been removed meanwhile excludes nobody. */
static bool is_still_there(int fd, const char *path)
{
	struct stat held, there;

	return !fstat(fd, &held) && !stat(path, &there) && held.st_ino == there.st_ino;
}

/* Two servers that start at once would each remove the other's socket as stale; so each holds this
 * lock while it looks, removes and binds. The lock file is beside the socket and can be opened by
 * nobody else; a lock on the directory could be held by anybody. */
static enum exit_code take_lock(const char *path, int *lock)
{
	for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
		*lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (*lock < 0)
			return fail(EXIT_FAILED, NULL, "cannot create the lock %s: %m", path);
		if (!flock(*lock, LOCK_EX | LOCK_NB) && is_still_there(*lock, path))
			return EXIT_DONE;
		close(*lock);
		usleep(LOCK_PAUSE_US);
	}
	return fail(EXIT_BUSY, "try again", "another serve is starting: it holds the lock %s",
	            path);
}

/* Stale only if the connection is refused; any other error may be a socket in use. */
static bool is_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool stale = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) &&
	             errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return stale;
}

static enum exit_code remove_stale(const struct sockaddr_un *address)
{
	const char *path = address->sun_path;
	struct stat status;

	if (lstat(path, &status))
		return errno == ENOENT ? EXIT_DONE
		                       : fail(EXIT_FAILED, NULL, "cannot inspect %s: %m", path);
	if (!S_ISSOCK(status.st_mode))
		return fail(EXIT_FAILED, "remove it, or listen elsewhere",
		            "%s exists and is not a socket", path);
	if (!is_stale(address))
		return fail(EXIT_BUSY,
		            "stop it first, for example: systemctl stop xdp-ratelimit-serve",
		            "another program listens on %s already", path);
	if (unlink(path))
		return fail(EXIT_FAILED, NULL, "cannot remove the stale socket %s: %m", path);
	return EXIT_DONE;
}

static enum exit_code bind_socket(int fd, const struct sockaddr_un *address, int backlog, uid_t uid,
                                  gid_t gid)
{
	const char *path = address->sun_path;
	mode_t mask = umask(0117); /* nobody else may connect, from the moment of bind on */
	int error = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? errno : 0;

	umask(mask);
	if (error) {
		errno = error;
		return fail(EXIT_FAILED, NULL, "cannot create the socket %s: %m", path);
	}
	if (chown(path, uid, gid) || listen(fd, backlog)) {
		fail(EXIT_FAILED, NULL, "cannot set up the socket %s: %m", path);
		unlink(path);
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static enum exit_code open_locked(int *fd, const struct sockaddr_un *address, int backlog,
                                  uid_t uid, gid_t gid)
{
	enum exit_code error = remove_stale(address);

	if (error)
		return error;
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return fail(EXIT_FAILED, NULL, "cannot create a socket: %m");
	error = bind_socket(*fd, address, backlog, uid, gid);
	if (error) {
		close(*fd);
		*fd = -1;
	}
	return error;
}

enum exit_code unix_socket_open(int *fd, const char *path, int backlog, uid_t uid, gid_t gid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char directory[sizeof(address.sun_path)], lock_path[sizeof(address.sun_path) + 8];
	enum exit_code error;
	char *slash;
	int lock;

	strcpy(address.sun_path, path);
	strcpy(directory, path);
	slash = strrchr(directory, '/');
	slash[slash == directory] = '\0'; /* the root directory keeps its slash */
	error = make_directory(directory);
	snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
	if (!error)
		error = take_lock(lock_path, &lock);
	if (error)
		return error;
	error = open_locked(fd, &address, backlog, uid, gid);
	unlink(lock_path);
	close(lock);
	return error;
}
