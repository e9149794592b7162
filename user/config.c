// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "address_list.h"
#include "duration.h"
#include "nearest.h"
#include "quote.h"
#include "../include/permit.h"

#define SECOND_NS 1000000000ULL
#define HOUR_NS   (3600 * SECOND_NS)
#define DAY_NS    (24 * HOUR_NS)

/* inih takes lines of 200 bytes, too short for a list. Debian's can be told to take longer ones;
 * where that is not possible, this is NULL. */
extern int ini_max_line __attribute__((weak));

#define MAX_LINE 4096

/* Why a setting can't be made. */
struct complaint {
	char *text;
	size_t size;
};

/* A key: how its value is read, where it goes, and its range, if it has one. */
struct setting {
	const char *section, *key;
	int (*read)(const struct setting *setting, const char *value, struct config *config,
	            const struct complaint *complaint);
	size_t offset;
	__u64 least, most;
	const char *expected; /* of texts and lists */
};

void config_set_default(struct config *config)
{
	*config = (struct config){
		.permits =
			{
				.max_addresses = 10,
				.max_requests = 5,
				.window_ns = HOUR_NS,
				.lifetime_ns = DAY_NS,
				.linger_ns = HOUR_NS / 4,
				.max_permits = XRL_MAX_PERMITS,
			},
		.serve =
			{
				.listen = {"127.0.0.1:9420", "unix:/run/xdp-ratelimit/api.sock"},
				.listen_count = 2,
				.user = "xdp-ratelimit",
			},
	};
}

__attribute__((format(printf, 2, 3))) static int complain(const struct complaint *complaint,
                                                          const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(complaint->text, complaint->size, format, args);
	va_end(args);
	return -EINVAL;
}

__attribute__((format(printf, 4, 5))) static int complain_value(const struct complaint *complaint,
                                                                const struct setting *setting,
                                                                const char *value,
                                                                const char *format, ...)
{
	char quoted[QUOTE_SIZE], reason[160];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return complain(complaint, "%s '%s': %s", setting->key, quote(quoted, value, strlen(value)),
	                reason);
}

static void *place(const struct setting *setting, struct config *config)
{
	return (char *)config + setting->offset;
}

static int read_count(const struct setting *setting, const char *value, struct config *config,
                      const struct complaint *complaint)
{
	__u32 *count = place(setting, config);
	const char *at = value;
	__u64 number;

	if (take_number(&at, &number) || *at || number < setting->least || number > setting->most)
		return complain_value(complaint, setting, value,
		                      "expected a whole number from %llu to %llu", setting->least,
		                      setting->most);
	*count = number;
	return 0;
}

static int read_duration(const struct setting *setting, const char *value, struct config *config,
                         const struct complaint *complaint)
{
	char least[DURATION_TEXT_SIZE], most[DURATION_TEXT_SIZE];
	__u64 *duration_ns = place(setting, config), read_ns;
	const char *at = value;

	if (!take_duration(&at, &read_ns) && !*at && read_ns >= setting->least &&
	    read_ns <= setting->most) {
		*duration_ns = read_ns;
		return 0;
	}
	duration_format(setting->least, least, sizeof(least));
	duration_format(setting->most, most, sizeof(most));
	return complain_value(complaint, setting, value,
	                      "expected a whole number and one of ms, s, m, h, d, "
	                      "from %s to %s",
	                      least, most);
}

static int read_requests(const struct setting *setting, const char *value, struct config *config,
                         const struct complaint *complaint)
{
	__u64 requests, window_ns;
	const char *at = value;

	if (take_number(&at, &requests) || *at++ != '/' || take_duration(&at, &window_ns) || *at ||
	    !requests || requests > CONFIG_MAX_REQUESTS || window_ns < SECOND_NS ||
	    window_ns > 31 * DAY_NS)
		return complain_value(complaint, setting, value,
		                      "expected N/PERIOD, such as '5/1h', "
		                      "N from 1 to %u, PERIOD from 1s to 31d",
		                      CONFIG_MAX_REQUESTS);
	config->permits.max_requests = requests;
	config->permits.window_ns = window_ns;
	return 0;
}

static int read_bool(const struct setting *setting, const char *value, struct config *config,
                     const struct complaint *complaint)
{
	bool *yes = place(setting, config);

	if (strcmp(value, "yes") && strcmp(value, "no"))
		return complain_value(complaint, setting, value, "expected yes or no");
	*yes = !strcmp(value, "yes");
	return 0;
}

static bool has_control_character(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (iscntrl((unsigned char)text[i]))
			return true;
	return false;
}

/* `length` bytes of the value. */
static int copy_text(const struct setting *setting, const char *value, const char *from,
                     size_t length, char text[CONFIG_TEXT_SIZE], const struct complaint *complaint)
{
	if (!length)
		return complain_value(complaint, setting, value, "expected %s", setting->expected);
	if (length >= CONFIG_TEXT_SIZE)
		return complain_value(complaint, setting, value,
		                      "expected %s of at most %d characters", setting->expected,
		                      CONFIG_TEXT_SIZE - 1);
	if (has_control_character(from, length))
		return complain_value(complaint, setting, value,
		                      "expected %s without control characters", setting->expected);
	memcpy(text, from, length);
	text[length] = '\0';
	return 0;
}

static int read_text(const struct setting *setting, const char *value, struct config *config,
                     const struct complaint *complaint)
{
	return copy_text(setting, value, value, strlen(value), place(setting, config), complaint);
}

/* What is between `from` and the next comma or the end, less the blanks around it. */
static int take_item(const struct setting *setting, const char *value, const char **at,
                     char text[CONFIG_TEXT_SIZE], const struct complaint *complaint)
{
	const char *from = *at + strspn(*at, " \t");
	size_t length = strcspn(from, ",");

	*at = from + length;
	while (length && (from[length - 1] == ' ' || from[length - 1] == '\t'))
		length--;
	return copy_text(setting, value, from, length, text, complaint);
}

static int read_list(const struct setting *setting, const char *value,
                     char texts[][CONFIG_TEXT_SIZE], int *count, const struct complaint *complaint)
{
	const char *at = value;
	int error;

	*count = 0;
	do {
		if (*count == CONFIG_MAX_LIST)
			return complain_value(complaint, setting, value,
			                      "there are more than %d of them", CONFIG_MAX_LIST);
		error = take_item(setting, value, &at, texts[*count], complaint);
		*count += 1;
	} while (!error && *at++);
	return error;
}

static int read_listen(const struct setting *setting, const char *value, struct config *config,
                       const struct complaint *complaint)
{
	return read_list(setting, value, config->serve.listen, &config->serve.listen_count,
	                 complaint);
}

static int read_proxies(const struct setting *setting, const char *value, struct config *config,
                        const struct complaint *complaint)
{
	return read_list(setting, value, config->serve.trusted_proxies,
	                 &config->serve.trusted_proxy_count, complaint);
}

#define PLACE(member) offsetof(struct config, member)

static const char *const sections[] = {"permits", "serve"};

static const struct setting settings[] = {
	{"permits", "requests", read_requests, 0, 0, 0, NULL},
	{"permits", "addresses", read_count, PLACE(permits.max_addresses), 1, ADDRESS_LIST_MAX,
         NULL},
	{"permits", "lifetime", read_duration, PLACE(permits.lifetime_ns), SECOND_NS / 10,
         31 * DAY_NS, NULL},
	{"permits", "linger", read_duration, PLACE(permits.linger_ns), 0, 31 * DAY_NS, NULL},
	{"permits", "entries", read_count, PLACE(permits.max_permits), 1, CONFIG_MAX_PERMITS, NULL},
	{"serve", "listen", read_listen, 0, 0, 0, "ADDRESS:PORT or unix:PATH"},
	{"serve", "trusted_proxies", read_proxies, 0, 0, 0, "a CIDR or unix"},
	{"serve", "certificate", read_text, PLACE(serve.certificate), 0, 0, "a file name"},
	{"serve", "key", read_text, PLACE(serve.key), 0, 0, "a file name"},
	{"serve", "user", read_text, PLACE(serve.user), 0, 0, "a user name"},
	{"serve", "plaintext", read_bool, PLACE(serve.plaintext), 0, 0, NULL},
};

#define SECTIONS (sizeof(sections) / sizeof(sections[0]))
#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

/* "a, b or c" */
static void join(const char *const *words, size_t count, char *text, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < count && length < size; i++) {
		const char *between = i + 1 < count ? ", " : " or ";

		length +=
			snprintf(text + length, size - length, "%s%s", i ? between : "", words[i]);
	}
}

static int complain_word(const struct complaint *complaint, const char *what, const char *word,
                         const char *const *words, size_t count)
{
	const char *near = nearest(word, words, count);
	char quoted[QUOTE_SIZE], all[256];

	quote(quoted, word, strlen(word));
	join(words, count, all, sizeof(all));
	if (near)
		return complain(complaint, "unknown %s '%s', did you mean '%s'?", what, quoted,
		                near);
	return complain(complaint, "unknown %s '%s'; expected %s", what, quoted, all);
}

static bool is_section(const char *name)
{
	for (size_t i = 0; i < SECTIONS; i++)
		if (!strcmp(sections[i], name))
			return true;
	return false;
}

static int complain_section(const struct complaint *complaint, const char *section)
{
	return complain_word(complaint, "section", section, sections, SECTIONS);
}

static int complain_key(const struct complaint *complaint, const char *section, const char *key)
{
	const char *keys[SETTINGS];
	size_t count = 0;

	for (size_t i = 0; i < SETTINGS; i++) {
		if (!strcmp(settings[i].section, section))
			keys[count++] = settings[i].key;
		else if (!strcmp(settings[i].key, key))
			return complain(complaint, "'%s' belongs in section [%s], not in [%s]", key,
			                settings[i].section, section);
	}
	return complain_word(complaint, "key", key, keys, count);
}

static const struct setting *find_setting(const char *section, const char *key)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (!strcmp(settings[i].section, section) && !strcmp(settings[i].key, key))
			return &settings[i];
	return NULL;
}

int config_set(struct config *config, const char *section, const char *key, const char *value,
               char *complaint, size_t size)
{
	const struct setting *setting = find_setting(section, key);
	const struct complaint to = {complaint, size};
	struct config changed = *config;
	int error;

	if (!is_section(section))
		return complain_section(&to, section);
	if (!setting)
		return complain_key(&to, section, key);
	error = setting->read(setting, value, &changed, &to);
	if (!error)
		*config = changed;
	return error;
}

/* A file that is being read. */
struct reading {
	struct config *config;
	const char *path;
	FILE *file;
	int line;
	int read_error;
	bool setting_due;      /* the line must be KEY = VALUE, and inih hasn't said so yet */
	int line_of[SETTINGS]; /* 0: not given yet */
	int mistakes;
};

/* The first one is told, the others are counted. */
__attribute__((format(printf, 2, 3))) static void mistake(struct reading *reading,
                                                          const char *format, ...)
{
	char text[512];
	va_list args;

	if (reading->mistakes++)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fail(EXIT_FAILED, NULL, "%s:%d: %s", reading->path, reading->line, text);
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
		mistake(reading, "a NUL byte, but expected text");
	if (c == '\0' || (c == EOF && !length))
		return false;
	if (length >= size)
		mistake(reading, "a line of more than %zu characters", size - 1);
	line[length < size ? length : 0] = '\0';
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
static void check_section(struct reading *reading, const char *line)
{
	size_t length = strcspn(line + 1, "]");
	const char *after = line + 1 + length;
	char section[MAX_LINE], complaint[400];

	after += *after == ']';
	after += strspn(after, " \t\r");
	if (line[1 + length] != ']' || (*after && *after != ';')) {
		mistake(reading, "expected [SECTION], and nothing behind it but a comment");
		return;
	}
	snprintf(section, sizeof(section), "%.*s", (int)length, line + 1);
	if (is_section(section))
		return;
	complain_section(&(struct complaint){complaint, sizeof(complaint)}, section);
	mistake(reading, "%s", complaint);
}

static char *read_line(char *line, int size, void *stream)
{
	struct reading *reading = stream;

	miss_setting(reading);
	if (!take_line(reading, line, size))
		return NULL;
	skip_to_text(line, reading->line == 1);
	if (*line == '[')
		check_section(reading, line);
	reading->setting_due = *line && !strchr("[;#", *line);
	return line;
}

/* Of one line. Mistakes are kept in the reading, so that inih goes on. */
static int take_setting(void *user, const char *section, const char *key, const char *value)
{
	const struct setting *setting = find_setting(section, key);
	struct reading *reading = user;
	char complaint[400], quoted[QUOTE_SIZE];
	int *line_before = setting ? &reading->line_of[setting - settings] : NULL;

	reading->setting_due = false;
	if (!*section)
		mistake(reading, "'%s' stands before the first [SECTION]",
		        quote(quoted, key, strlen(key)));
	else if (line_before && *line_before)
		mistake(reading, "'%s' is given twice, in line %d before", key, *line_before);
	else if (config_set(reading->config, section, key, value, complaint, sizeof(complaint)))
		mistake(reading, "%s", complaint);
	if (line_before)
		*line_before = reading->line;
	return 1;
}

static enum exit_code cannot_read(const char *path, int error)
{
	return fail(EXIT_FAILED, NULL, "cannot read %s: %s", path, strerror(error));
}

enum exit_code config_read(struct config *config, const char *path, bool must_exist)
{
	struct reading reading = {.config = config, .path = path};

	config_set_default(config);
	reading.file = fopen(path, "re");
	if (!reading.file && errno == ENOENT && !must_exist)
		return EXIT_DONE;
	if (!reading.file)
		return cannot_read(path, errno);
	if (&ini_max_line)
		ini_max_line = MAX_LINE;
	ini_parse_stream(read_line, &reading, take_setting, &reading);
	fclose(reading.file);
	if (!reading.mistakes && !reading.read_error)
		return EXIT_DONE;
	config_set_default(config);
	return reading.read_error ? cannot_read(path, reading.read_error) : EXIT_FAILED;
}
