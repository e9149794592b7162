// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/config/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "user/util/address_list.h"
#include "user/util/parse_error.h"
#include "user/util/duration.h"
#include "user/config/sections.h"
#include "include/permit.h"

/* A key: how its value is read, where it is stored, and its range, if any. */
struct setting {
	const char *section, *key;
	int (*read)(const struct setting *setting, const char *value, struct settings *settings,
	            const struct parse_error *parse_error);
	size_t offset;
	__u64 least, most;
	const char *expected; /* for texts and lists */
};

void settings_set_default(struct settings *settings)
{
	*settings = (struct settings){
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

static void *place(const struct setting *setting, struct settings *settings)
{
	return (char *)settings + setting->offset;
}

static int read_count(const struct setting *setting, const char *value, struct settings *settings,
                      const struct parse_error *parse_error)
{
	__u32 *count = place(setting, settings);
	const char *at = value;
	__u64 number;

	if (number_take(&at, &number) || *at || number < setting->least || number > setting->most)
		return parse_fail_value(parse_error, setting->key, value,
		                        "expected a whole number from %llu to %llu", setting->least,
		                        setting->most);
	*count = number;
	return 0;
}

static int read_duration(const struct setting *setting, const char *value,
                         struct settings *settings, const struct parse_error *parse_error)
{
	char least[DURATION_TEXT_SIZE], most[DURATION_TEXT_SIZE];
	__u64 *duration_ns = place(setting, settings), read_ns;
	const char *at = value;

	if (!duration_take(&at, &read_ns) && !*at && read_ns >= setting->least &&
	    read_ns <= setting->most) {
		*duration_ns = read_ns;
		return 0;
	}
	duration_format(setting->least, least, sizeof(least));
	duration_format(setting->most, most, sizeof(most));
	return parse_fail_value(parse_error, setting->key, value,
	                        "expected a whole number and one of ms, s, m, h, d, "
	                        "from %s to %s",
	                        least, most);
}

static int read_requests(const struct setting *setting, const char *value,
                         struct settings *settings, const struct parse_error *parse_error)
{
	__u64 requests, window_ns;
	const char *at = value;

	if (number_take(&at, &requests) || *at++ != '/' || duration_take(&at, &window_ns) || *at ||
	    !requests || requests > SETTINGS_MAX_REQUESTS || window_ns < SECOND_NS ||
	    window_ns > 31 * DAY_NS)
		return parse_fail_value(parse_error, setting->key, value,
		                        "expected N/PERIOD, such as '5/1h', "
		                        "N from 1 to %u, PERIOD from 1s to 31d",
		                        SETTINGS_MAX_REQUESTS);
	settings->permits.max_requests = requests;
	settings->permits.window_ns = window_ns;
	return 0;
}

static int read_bool(const struct setting *setting, const char *value, struct settings *settings,
                     const struct parse_error *parse_error)
{
	bool *yes = place(setting, settings);

	if (strcmp(value, "yes") && strcmp(value, "no"))
		return parse_fail_value(parse_error, setting->key, value, "expected yes or no");
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

/* Copies `length` bytes of the value. */
static int copy_text(const struct setting *setting, const char *value, const char *from,
                     size_t length, char text[SETTINGS_TEXT_SIZE],
                     const struct parse_error *parse_error)
{
	if (!length)
		return parse_fail_value(parse_error, setting->key, value, "expected %s",
		                        setting->expected);
	if (length >= SETTINGS_TEXT_SIZE)
		return parse_fail_value(parse_error, setting->key, value,
		                        "expected %s of at most %d characters", setting->expected,
		                        SETTINGS_TEXT_SIZE - 1);
	if (has_control_character(from, length))
		return parse_fail_value(parse_error, setting->key, value,
		                        "expected %s without control characters",
		                        setting->expected);
	memcpy(text, from, length);
	text[length] = '\0';
	return 0;
}

static int read_text(const struct setting *setting, const char *value, struct settings *settings,
                     const struct parse_error *parse_error)
{
	return copy_text(setting, value, value, strlen(value), place(setting, settings),
	                 parse_error);
}

/* Copies the text up to the next comma or the end, without surrounding spaces. */
static int take_item(const struct setting *setting, const char *value, const char **at,
                     char text[SETTINGS_TEXT_SIZE], const struct parse_error *parse_error)
{
	const char *from = *at + strspn(*at, " \t");
	size_t length = strcspn(from, ",");

	*at = from + length;
	while (length && (from[length - 1] == ' ' || from[length - 1] == '\t'))
		length--;
	return copy_text(setting, value, from, length, text, parse_error);
}

static int read_list(const struct setting *setting, const char *value,
                     char texts[][SETTINGS_TEXT_SIZE], int *count,
                     const struct parse_error *parse_error)
{
	const char *at = value;
	int error;

	*count = 0;
	do {
		if (*count == SETTINGS_MAX_LIST)
			return parse_fail_value(parse_error, setting->key, value,
			                        "more than %d entries", SETTINGS_MAX_LIST);
		error = take_item(setting, value, &at, texts[*count], parse_error);
		*count += 1;
	} while (!error && *at++);
	return error;
}

static int read_listen(const struct setting *setting, const char *value, struct settings *settings,
                       const struct parse_error *parse_error)
{
	return read_list(setting, value, settings->serve.listen, &settings->serve.listen_count,
	                 parse_error);
}

static int read_proxies(const struct setting *setting, const char *value, struct settings *settings,
                        const struct parse_error *parse_error)
{
	return read_list(setting, value, settings->serve.trusted_proxies,
	                 &settings->serve.trusted_proxy_count, parse_error);
}

#define PLACE(member) offsetof(struct settings, member)

static const struct setting keys[] = {
	{"permits", "requests", read_requests, 0, 0, 0, NULL},
	{"permits", "addresses", read_count, PLACE(permits.max_addresses), 1, ADDRESS_LIST_MAX,
         NULL},
	{"permits", "lifetime", read_duration, PLACE(permits.lifetime_ns), SECOND_NS / 10,
         31 * DAY_NS, NULL},
	{"permits", "linger", read_duration, PLACE(permits.linger_ns), 0, 31 * DAY_NS, NULL},
	{"permits", "entries", read_count, PLACE(permits.max_permits), 1, SETTINGS_MAX_PERMITS,
         NULL},
	{"serve", "listen", read_listen, 0, 0, 0, "ADDRESS:PORT or unix:PATH"},
	{"serve", "trusted_proxies", read_proxies, 0, 0, 0, "a CIDR or unix"},
	{"serve", "certificate", read_text, PLACE(serve.certificate), 0, 0, "a file name"},
	{"serve", "key", read_text, PLACE(serve.key), 0, 0, "a file name"},
	{"serve", "user", read_text, PLACE(serve.user), 0, 0, "a user name"},
	{"serve", "plaintext", read_bool, PLACE(serve.plaintext), 0, 0, NULL},
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

_Static_assert(KEYS == SETTINGS_KEYS, "a line for each of them");

static const struct setting *find_setting(const char *section, const char *key)
{
	for (size_t i = 0; i < KEYS; i++)
		if (!strcmp(keys[i].section, section) && !strcmp(keys[i].key, key))
			return &keys[i];
	return NULL;
}

int settings_set(struct settings *settings, const char *section, const char *key, const char *value,
                 char *parse_error, size_t size)
{
	const struct setting *setting = find_setting(section, key);
	const struct parse_error to = {parse_error, size};
	struct settings changed = *settings;
	int error;

	if (section_find(section) == SECTION_UNKNOWN)
		return section_fail_unknown(&to, section);
	if (!setting)
		return section_fail_key(&to, section, key);
	error = setting->read(setting, value, &changed, &to);
	if (!error)
		*settings = changed;
	return error;
}

int settings_take(struct settings *settings, struct settings_lines *lines, int line,
                  const char *section, const char *key, const char *value, char *parse_error,
                  size_t size)
{
	const struct setting *setting = find_setting(section, key);
	const struct parse_error to = {parse_error, size};
	int *line_of = setting ? &lines->of[setting - keys] : NULL, before;

	if (line_of && *line_of) {
		before = *line_of;
		*line_of = line;
		return parse_fail(&to, "'%s' is given twice, first on line %d", key, before);
	}
	if (line_of)
		*line_of = line;
	return settings_set(settings, section, key, value, parse_error, size);
}
