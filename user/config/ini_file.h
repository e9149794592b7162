/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

/* A file of sections and settings, as inih reads it, with the lines that it doesn't tell of. */

#define INI_FILE_MAX_LINE 4096 /* with the end of the line */
#define INI_FILE_HASH     32

/* Who is told what stands in the file. `section` is the name in brackets above the line; NULL:
 * there is none yet, or none that could be read. A setting always has one. */
struct ini_reader {
	void (*section)(void *context, int line, const char *section);
	void (*setting)(void *context, int line, const char *section, const char *key,
	                const char *value);
	void (*mistake)(void *context, int line, const char *section, const char *text);
};

/* Reads all of the file, mistakes or not, but nothing behind a NUL byte. 0, or -errno when it
 * can't be read. `sha256` is that of the file if there were no mistakes; it may be NULL. */
int ini_file_read(const char *path, const struct ini_reader *reader, void *context,
                  __u8 sha256[INI_FILE_HASH]);
