// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unix_socket.h"

#include <errno.h>
#include <fcntl.h>
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
	/* a second time, because a service has a umask that leaves nothing to others */
	if (!mkdir(directory, 0755) && !chmod(directory, 0755))
		return EXIT_DONE;
	if (errno == EEXIST)
		return EXIT_DONE;
	return fail(EXIT_FAILED, "make it, or listen elsewhere",
	            "cannot make the directory %s for the socket: %m", directory);
}

/* Two that start at once would each take the other's socket for a stale one and remove it: while
 * one looks, removes and binds, it holds the directory. */
static enum exit_code lock_directory(const char *directory, int *lock)
{
	*lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*lock < 0)
		return fail(EXIT_FAILED, NULL, "cannot open the directory %s: %m", directory);
	for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
		if (!flock(*lock, LOCK_EX | LOCK_NB))
			return EXIT_DONE;
		usleep(LOCK_PAUSE_US);
	}
	close(*lock);
	return fail(EXIT_BUSY, NULL, "another program holds a lock on the directory %s", directory);
}

static bool is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* EAGAIN: it listens, but its queue is full */
	bool alive = fd >= 0 && (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
	                         errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return alive;
}

static enum exit_code remove_stale(const struct sockaddr_un *address)
{
	const char *path = address->sun_path;
	struct stat status;

	if (lstat(path, &status))
		return errno == ENOENT ? EXIT_DONE
		                       : fail(EXIT_FAILED, NULL, "cannot look at %s: %m", path);
	if (!S_ISSOCK(status.st_mode))
		return fail(EXIT_FAILED, "remove it, or listen elsewhere",
		            "%s is there, but is no socket", path);
	if (is_alive(address))
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
	mode_t mask = umask(0117); /* from its first moment on nobody else may connect */
	int error = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? errno : 0;

	umask(mask);
	if (error) {
		errno = error;
		return fail(EXIT_FAILED, NULL, "cannot make the socket %s: %m", path);
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
		return fail(EXIT_FAILED, NULL, "cannot make a socket: %m");
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
	char directory[sizeof(address.sun_path)];
	enum exit_code error;
	char *slash;
	int lock;

	strcpy(address.sun_path, path);
	strcpy(directory, path);
	slash = strrchr(directory, '/');
	slash[slash == directory] = '\0'; /* the root directory keeps its slash */
	error = make_directory(directory);
	if (!error)
		error = lock_directory(directory, &lock);
	if (error)
		return error;
	error = open_locked(fd, &address, backlog, uid, gid);
	close(lock);
	return error;
}
