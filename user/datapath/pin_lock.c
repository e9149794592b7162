// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/pin_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLL_MS 20

/* False: the directory was removed while we waited, and the lock is worthless. */
static bool is_still_there(int fd, const char *path)
{
	struct stat locked, now;

	return !fstat(fd, &locked) && !stat(path, &now) && locked.st_ino == now.st_ino &&
	       locked.st_dev == now.st_dev;
}

/* Reports errno. */
static enum exit_code cannot_open(const char *pin_dir)
{
	bool denied = errno == EACCES;

	return fail(denied ? EXIT_NOT_ALLOWED : EXIT_FAILED,
	            denied ? "run it as root, for example with sudo"
	                   : "choose another one with --pin-dir",
	            "cannot open the pin directory %s: %m", pin_dir);
}

enum exit_code pin_lock(const char *pin_dir, int wait_ms, int *lock_fd)
{
	for (int waited_ms = 0; waited_ms <= wait_ms; waited_ms += POLL_MS) {
		int fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 && errno == ENOENT)
			return EXIT_NOT_FOUND;
		if (fd < 0)
			return cannot_open(pin_dir);
		if (!flock(fd, LOCK_EX | LOCK_NB) && is_still_there(fd, pin_dir)) {
			*lock_fd = fd;
			return EXIT_DONE;
		}
		close(fd);
		usleep(POLL_MS * 1000);
	}
	return fail(EXIT_BUSY, "try again later",
	            "another xdp-ratelimit has held the lock of %s for %d seconds", pin_dir,
	            wait_ms / 1000);
}

int pin_lock_shared(const char *pin_dir)
{
	for (int waited_ms = 0; waited_ms <= PIN_LOCK_WAIT_MS; waited_ms += POLL_MS) {
		int fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return -1;
		if (!flock(fd, LOCK_SH | LOCK_NB) && is_still_there(fd, pin_dir))
			return fd;
		close(fd);
		usleep(POLL_MS * 1000);
	}
	warn("another xdp-ratelimit is changing %s: what follows may be inconsistent", pin_dir);
	return -1;
}
