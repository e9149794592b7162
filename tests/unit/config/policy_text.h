/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Writes a policy file and reads it back. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/config/policy_file.h"
#include "user/policy/limit.h"

#include <cmocka.h>

static char path[64];

static void write_file(const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static int make_path(void **state)
{
	int file;

	(void)state;
	strcpy(path, "/tmp/test_policy_file.XXXXXX");
	file = mkstemp(path);
	return file < 0 || close(file);
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

/* Each diagnostic as a line: its number, '!' for a mistake or '?', and its text. */
struct told {
	char text[8000];
	size_t length;
	int mistakes, diagnostics, last_line;
	char first[1000];
};

static void tell(const struct diagnostic *diagnostic, void *context)
{
	struct told *told = context;

	assert_true(diagnostic->line >= told->last_line);
	told->last_line = diagnostic->line;
	told->diagnostics++;
	if (diagnostic->is_error && !told->mistakes++)
		snprintf(told->first, sizeof(told->first), "%s:%d: %s", path, diagnostic->line,
		         diagnostic->text);
	if (told->length < sizeof(told->text) - 600)
		told->length += sprintf(told->text + told->length, "%d%c %s\n", diagnostic->line,
		                        diagnostic->is_error ? '!' : '?', diagnostic->text);
}

static void check_file(struct told *told)
{
	int mistakes;

	*told = (struct told){};
	mistakes = policy_file_check(path, tell, told, NULL);
	assert_int_equal(mistakes, told->mistakes);
}

/* The policy, or {} after a mistake; *message is the report. */
static enum exit_code read_file(struct policy *policy, struct failure *failure)
{
	enum exit_code code;

	*failure = (struct failure){.code = EXIT_DONE};
	result_capture(failure);
	code = policy_file_read(path, true, policy, NULL);
	result_capture(NULL);
	assert_int_equal(code, failure->code);
	return code;
}

static inline void assert_limit(const struct xrl_limit *limit, const char *expected)
{
	char text[LIMIT_TEXT_SIZE];

	limit_format(limit, text, sizeof(text));
	assert_string_equal(text, expected);
}

static inline struct policy must_read(const char *text)
{
	struct failure failure;
	struct policy policy;

	write_file(text, strlen(text));
	if (read_file(&policy, &failure))
		fail_msg("%s", failure.message);
	return policy;
}
