/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <jansson.h>

/* What a run says, in words or in JSON, and how it ends. */

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_QUOTA = 4,
	EXIT_NOT_ALLOWED = 5,
	EXIT_BUSY = 6,
};

void result_use_json(bool json);
bool result_is_json(void);

/* Reports the one error of a run: what was wrong, and what to do (`hint`, may be NULL).
 * JSON goes to standard output, words to standard error. Returns `code`, so that a caller
 * can write `return fail(...)`: whoever gets a non-zero exit code has nothing to add. */
enum exit_code fail(enum exit_code code, const char *hint, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, of what becomes possible later. JSON says it as `retry_after_seconds`. */
enum exit_code fail_with_retry(enum exit_code code, double retry_after_seconds, const char *hint,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* One error, as kept for somebody else than the user of a command. */
struct failure {
	enum exit_code code;
	double retry_after_seconds; /* negative: not said */
	char message[1000];
	char hint[400]; /* empty: none */
};

/* From now on the first error goes there, and nothing is printed. NULL: printed again. Returns
 * what it was before. */
struct failure *result_capture(struct failure *failure);

/* Something that doesn't stop the run. In JSON it becomes part of the result. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the result of a run and releases it. With warnings, where there were any. */
void result_print(json_t *result);

/* Whether there was a result that couldn't be written as JSON: the run has failed then. */
bool result_json_failed(void);

/* Text from outside (an argument, a file name) need not be UTF-8, which JSON asks for. */
json_t *result_text(const char *text);

bool result_is_utf8(const char *text);

/* RFC 3339 in UTC, to the second. */
#define RESULT_TIME_SIZE 32
void result_format_time(char *text, long long unix_seconds);
