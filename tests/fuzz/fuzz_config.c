// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/util/address_list.h"
#include "tests/fuzz/check.h"
#include "user/config/config_file.h"
#include "user/util/duration.h"
#include "tests/units.h"

#define MONTH_NS (31 * 86400 * SECOND_NS)

static void check_permits(const struct permit_rules *rules)
{
	check(rules->max_addresses >= 1 && rules->max_addresses <= ADDRESS_LIST_MAX);
	check(rules->max_requests >= 1 && rules->max_requests <= SETTINGS_MAX_REQUESTS);
	check(rules->window_ns >= SECOND_NS && rules->window_ns <= MONTH_NS);
	check(rules->lifetime_ns >= SECOND_NS / 10 && rules->lifetime_ns <= MONTH_NS);
	check(rules->linger_ns <= MONTH_NS);
	check(rules->max_permits >= 1 && rules->max_permits <= SETTINGS_MAX_PERMITS);
}

/* Writes no spaces, so that no line is longer than the one read, and no ';' starts a comment. */
static void write_text(FILE *file, const char *key, const char *text)
{
	check(strlen(text) < SETTINGS_TEXT_SIZE);
	for (const char *c = text; *c; c++)
		check((unsigned char)*c >= ' ' && *c != 0x7f);
	if (*text)
		fprintf(file, "%s=%s\n", key, text);
}

static void write_list(FILE *file, const char *key, const char (*texts)[SETTINGS_TEXT_SIZE],
                       int count)
{
	check(count >= 0 && count <= SETTINGS_MAX_LIST);
	for (int i = 0; i < count; i++) {
		const char *text = texts[i];

		check(*text && !strchr(text, ','));
		check(*text != ' ' && text[strlen(text) - 1] != ' ');
		fprintf(file, "%s%s%s", i ? "" : key, i ? "," : "=", text);
	}
	if (count)
		fprintf(file, "\n");
}

static void write_duration(FILE *file, const char *before, __u64 duration_ns)
{
	char text[DURATION_TEXT_SIZE];

	duration_format(duration_ns, text, sizeof(text));
	fprintf(file, "%s%s\n", before, text);
}

static void write_config(FILE *file, const struct settings *settings)
{
	const struct permit_rules *permits = &settings->permits;
	const struct serve_settings *serve = &settings->serve;

	fprintf(file, "[permits]\naddresses = %u\nentries = %u\nrequests = %u/",
	        permits->max_addresses, permits->max_permits, permits->max_requests);
	write_duration(file, "", permits->window_ns);
	write_duration(file, "lifetime = ", permits->lifetime_ns);
	write_duration(file, "linger = ", permits->linger_ns);
	fprintf(file, "[serve]\nplaintext = %s\n", serve->plaintext ? "yes" : "no");
	write_list(file, "listen", serve->listen, serve->listen_count);
	write_list(file, "trusted_proxies", serve->trusted_proxies, serve->trusted_proxy_count);
	write_text(file, "certificate", serve->certificate);
	write_text(file, "key", serve->key);
	write_text(file, "user", serve->user);
	check(!fflush(file));
}

/* A file in memory, truncated on each call. */
static FILE *empty_file(char path[32])
{
	static FILE *file;

	if (!file)
		file = fdopen(memfd_create("config", MFD_CLOEXEC), "r+");
	check(file && !fseek(file, 0, SEEK_SET) && !ftruncate(fileno(file), 0));
	sprintf(path, "/proc/self/fd/%d", fileno(file));
	return file;
}

/* The same settings write the same file. */
static size_t format(const struct settings *settings, char *text, size_t size)
{
	FILE *file = fmemopen(text, size, "w");
	long length;

	check(file);
	write_config(file, settings);
	length = ftell(file);
	fclose(file);
	check(length > 0 && (size_t)length < size - 1);
	return length;
}

static enum exit_code read_config(struct settings *settings, const void *text, size_t length)
{
	char path[32];
	FILE *file = empty_file(path);
	struct failure failure = {.code = EXIT_DONE};
	enum exit_code code;

	check(fwrite(text, 1, length, file) == length && !fflush(file));
	result_capture(&failure);
	code = config_file_read_settings(settings, path, true);
	result_capture(NULL);
	check(code == failure.code);
	if (!code)
		return code;
	check(code == EXIT_FAILED);
	check_parse_error(failure.message, sizeof(failure.message));
	check(!strncmp(failure.message, path, strlen(path)));
	check(failure.message[strlen(path)] == ':');
	check(atoi(failure.message + strlen(path) + 1) > 0);
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct settings settings, again;
	static char text[40000], same[40000];
	size_t length;

	if (read_config(&settings, data, size))
		settings_set_default(&again);
	else
		again = settings;
	check_permits(&settings.permits);
	length = format(&settings, text, sizeof(text));
	check(format(&again, same, sizeof(same)) == length && !memcmp(text, same, length));
	check(!read_config(&again, text, length));
	check(format(&again, same, sizeof(same)) == length && !memcmp(text, same, length));
	return 0;
}
