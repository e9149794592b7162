/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* Which version of a file was read. A file is read before the pin directory is locked, as that may
 * take as long as it likes, and others would wait. Whoever has the lock then asks whether it must
 * be read again: of two at once, the later one is to put in force what it read later. */

struct file_stamp {
	unsigned int readings;
	dev_t device; /* this and the rest: 0 of what isn't a file, such as a pipe */
	ino_t inode;
	off_t size;
	struct timespec changed;
};

/* Whether it is to be read: it never was, or it is another version than when this was last asked.
 * A pipe is read only once, and what changes all the time not for ever. */
bool file_stamp_changed(struct file_stamp *stamp, const char *path);
