// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/config/ini_file.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <nettle/sha2.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/util/quote.h"

/* inih reads lines of up to 200 bytes, too short for a list. Debian's build can be told to read
 * longer lines; elsewhere this symbol is NULL. */
extern int ini_max_line __attribute__((weak));

/* A file being read. */
struct reading {
	const struct ini_reader *reader;
	void *context;
	FILE *file;
	struct sha256_ctx hash;
	int line;
	int read_error;
	bool setting_due; /* the line must be KEY = VALUE; inih has not reported it yet */
	bool section_seen, section_known;
	char section[INI_FILE_MAX_LINE]; /* inih cuts off long names */
};

__attribute__((format(printf, 2, 3))) static void mistake(struct reading *reading,
                                                          const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	reading->reader->mistake(reading->context, reading->line,
	                         reading->section_known ? reading->section : NULL, text);
}

/* inih reports only the first line that it cannot parse. */
static void miss_setting(struct reading *reading)
{
	if (reading->setting_due)
		mistake(reading, "expected KEY = VALUE, [SECTION] or a comment");
}

/* Reads a line, without its newline. False: end of file, or a NUL byte. */
static bool take_line(struct reading *reading, char *line, size_t size)
{
	size_t length = 0;
	int c;

	reading->line++;
	while ((c = getc(reading->file)) != EOF && c && c != '\n')
		if (length++ < size - 1)
			line[length - 1] = c;
	if (ferror(reading->file))
		reading->read_error = errno;
	if (c == '\0')
		mistake(reading, "a NUL byte; expected text");
	if (c == '\0' || (c == EOF && !length))
		return false;
	if (length >= size) {
		mistake(reading, "the line is longer than %zu characters", size - 1);
		length = 0;
	}
	line[length] = '\0';
	sha256_update(&reading->hash, length, (uint8_t *)line);
	sha256_update(&reading->hash, c == '\n', (const uint8_t *)"\n");
	return true;
}

/* Removes a byte order mark and leading spaces: for inih an indented line would continue the value
 * above. */
static void skip_to_text(char *line, bool first)
{
	char *text = line;

	if (first && !strncmp(text, "\xef\xbb\xbf", 3))
		text += 3;
	while (isspace((unsigned char)*text))
		text++;
	memmove(line, text, strlen(text) + 1);
}

/* inih does not report a section without keys, and ignores text after the bracket. */
static void take_section(struct reading *reading, const char *line)
{
	size_t length = strcspn(line + 1, "]");
	const char *after = line + 1 + length;

	after += *after == ']';
	after += strspn(after, " \t\r");
	reading->section_seen = true;
	reading->section_known = line[1 + length] == ']' && (!*after || *after == ';');
	if (!reading->section_known) {
		mistake(reading, "expected [SECTION], followed by nothing but a comment");
		return;
	}
	snprintf(reading->section, sizeof(reading->section), "%.*s", (int)length, line + 1);
	reading->reader->section(reading->context, reading->line, reading->section);
}

static char *read_line(char *line, int size, void *stream)
{
	struct reading *reading = stream;

	miss_setting(reading);
	if (!take_line(reading, line, size))
		return NULL;
	skip_to_text(line, reading->line == 1);
	if (*line == '[')
		take_section(reading, line);
	reading->setting_due = *line && !strchr("[;#", *line);
	return line;
}

/* One setting. Settings below an unreadable section are skipped, because their meaning is unknown.
 */
static int take_setting(void *user, const char *section, const char *key, const char *value)
{
	struct reading *reading = user;
	char quoted[QUOTE_SIZE];

	(void)section;
	reading->setting_due = false;
	if (!reading->section_seen)
		mistake(reading, "'%s' is before the first [SECTION]",
		        quote(quoted, key, strlen(key)));
	else if (reading->section_known)
		reading->reader->setting(reading->context, reading->line, reading->section, key,
		                         value);
	return 1;
}

int ini_file_read(const char *path, const struct ini_reader *reader, void *context,
                  __u8 sha256[INI_FILE_HASH])
{
	struct reading reading = {.reader = reader, .context = context};

	reading.file = fopen(path, "re");
	if (!reading.file)
		return -errno;
	sha256_init(&reading.hash);
	if (&ini_max_line)
		ini_max_line = INI_FILE_MAX_LINE;
	ini_parse_stream(read_line, &reading, take_setting, &reading);
	fclose(reading.file);
	if (sha256)
		sha256_digest(&reading.hash, INI_FILE_HASH, sha256);
	return -reading.read_error;
}
