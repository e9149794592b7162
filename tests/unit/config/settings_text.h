/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Settings as text, and text as a file. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* before cmocka.h, which has a macro fail() */
#include "user/config/config_file.h"
#include "user/util/address_list.h"
#include "tests/units.h"

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char path[64];

/* Formats all settings canonically, so that equal texts mean equal settings. */
static inline void describe(const struct settings *settings, char *text, size_t size)
{
	const struct permit_rules *permits = &settings->permits;
	const struct serve_settings *serve = &settings->serve;
	FILE *out = fmemopen(text, size, "w");

	fprintf(out, "%u %llu/%llu %llu+%llu %u |", permits->max_addresses,
	        (unsigned long long)permits->max_requests, permits->window_ns, permits->lifetime_ns,
	        permits->linger_ns, permits->max_permits);
	for (int i = 0; i < serve->listen_count; i++)
		fprintf(out, " <%s>", serve->listen[i]);
	fprintf(out, " |");
	for (int i = 0; i < serve->trusted_proxy_count; i++)
		fprintf(out, " <%s>", serve->trusted_proxies[i]);
	fprintf(out, " | <%s> <%s> <%s> %d", serve->certificate, serve->key, serve->user,
	        serve->plaintext);
	fclose(out);
}

static inline void assert_same(const struct settings *a, const struct settings *b)
{
	static char a_text[40000], b_text[40000];

	describe(a, a_text, sizeof(a_text));
	describe(b, b_text, sizeof(b_text));
	assert_string_equal(a_text, b_text);
}

static inline void write_file(const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

/* Reads text as a file. `message` gets the report without the path. */
static inline enum exit_code read_text(struct settings *settings, const char *text, size_t length,
                                       char message[1000])
{
	struct failure failure = {.code = EXIT_DONE};
	enum exit_code code;

	write_file(text, length);
	result_capture(&failure);
	memset(settings, 0xa5, sizeof(*settings));
	code = config_file_read_settings(settings, path, true);
	result_capture(NULL);
	assert_int_equal(code, failure.code);
	message[0] = '\0';
	if (code) {
		struct settings untouched;

		settings_set_default(&untouched);
		assert_same(settings, &untouched);
		assert_memory_equal(failure.message, path, strlen(path));
		strcpy(message, failure.message + strlen(path));
	}
	return code;
}

static inline int make_path(void **state)
{
	int file;

	(void)state;
	strcpy(path, "/tmp/test_config.XXXXXX");
	file = mkstemp(path);
	return file < 0 || close(file);
}

static inline int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}
