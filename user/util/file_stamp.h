/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* Identifies the version of a file that was read. Commands read the file before they lock the pin
 * directory, because reading may take arbitrarily long. Once a command holds the lock it checks the
 * stamp and reads a changed file again, so that of two concurrent reloads the later one activates
 * the later version. */

struct file_stamp {
	unsigned int readings;
	dev_t device; /* this and the following are 0 for a pipe */
	ino_t inode;
	off_t size;
	struct timespec changed;
};

/* Returns whether the file must be read: it never was, or it has changed since the last call. A
 * pipe is read once, and a file that changes all the time at most ten times. */
bool file_stamp_changed(struct file_stamp *stamp, const char *path);
