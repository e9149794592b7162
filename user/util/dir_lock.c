// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/util/dir_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define WAIT_MS 10000
#define POLL_MS 20

int dir_lock(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int waited_ms = 0; fd >= 0 && waited_ms <= WAIT_MS; waited_ms += POLL_MS) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return fd;
		usleep(POLL_MS * 1000);
	}
	return fd;
}
