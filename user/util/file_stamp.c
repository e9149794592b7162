// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/util/file_stamp.h"

#include <sys/stat.h>

#define MAX_READINGS 10

static bool is_same(const struct file_mark *a, const struct file_mark *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

bool file_mark_is_due(struct file_mark *mark, const char *path)
{
	struct file_mark now = {.readings = mark->readings + 1};
	struct stat file;

	if (!stat(path, &file) && S_ISREG(file.st_mode)) {
		now.device = file.st_dev;
		now.inode = file.st_ino;
		now.size = file.st_size;
		now.changed = file.st_ctim;
	}
	if (mark->readings && (is_same(mark, &now) || mark->readings >= MAX_READINGS))
		return false;
	*mark = now;
	return true;
}
