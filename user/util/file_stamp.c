// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/util/file_stamp.h"

#include <sys/stat.h>

#define MAX_READINGS 10

static bool is_same(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

bool file_stamp_changed(struct file_stamp *stamp, const char *path)
{
	struct file_stamp now = {.readings = stamp->readings + 1};
	struct stat file;

	if (!stat(path, &file) && S_ISREG(file.st_mode)) {
		now.device = file.st_dev;
		now.inode = file.st_ino;
		now.size = file.st_size;
		now.changed = file.st_ctim;
	}
	if (stamp->readings && (is_same(stamp, &now) || stamp->readings >= MAX_READINGS))
		return false;
	*stamp = now;
	return true;
}
