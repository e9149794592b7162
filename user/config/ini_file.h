/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

/* Reads a file of sections and settings with inih, and reports the lines that inih does not. */

#define INI_FILE_MAX_LINE 4096 /* with the newline */
#define INI_FILE_HASH     32

/* Callbacks for the contents of the file. `section` is the name in brackets above the line; NULL:
 * there is none yet, or it could not be read. A setting always has one. */
struct ini_reader {
	void (*section)(void *context, int line, const char *section);
	void (*setting)(void *context, int line, const char *section, const char *key,
	                const char *value);
	void (*mistake)(void *context, int line, const char *section, const char *text);
};

/* Reads the whole file in spite of mistakes, up to a NUL byte. Returns 0, or -errno if the file
 * cannot be read. `sha256` is the hash of a file without mistakes; it may be NULL. */
int ini_file_read(const char *path, const struct ini_reader *reader, void *context,
                  __u8 sha256[INI_FILE_HASH]);
