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

/* inih takes lines of 200 bytes, too short for a list. Debian's can be told to take longer ones;
 * where that is not possible, this is NULL. */
extern int ini_max_line __attribute__((weak));

/* A file that is being read. */
struct reading {
	const struct ini_reader *reader;
	void *context;
	FILE *file;
	struct sha256_ctx hash;
	int line;
	int read_error;
	bool setting_due; /* the line must be KEY = VALUE, and inih hasn't said so yet */
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

/* inih doesn't say which lines it couldn't read, but for the first. */
static void miss_setting(struct reading *reading)
{
	if (reading->setting_due)
		mistake(reading, "expected KEY = VALUE, [SECTION] or a comment");
}

/* A line without its end. False: there is none, or none that is text. */
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

/* Takes away the mark that some editors put before a text, and the blanks before a line: for
 * inih an indented line would go on with the value of the one above. */
static void skip_to_text(char *line, bool first)
{
	char *text = line;

	if (first && !strncmp(text, "\xef\xbb\xbf", 3))
		text += 3;
	while (isspace((unsigned char)*text))
		text++;
	memmove(line, text, strlen(text) + 1);
}

/* inih says nothing of a section without keys, and overlooks what follows the bracket. */
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

/* Of one line. What stands below a section that couldn't be read isn't told: nobody knows what
 * it means. */
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
