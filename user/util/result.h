/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <jansson.h>

/* The output of a command, as text or JSON, and its exit code. */

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

/* Reports the command's one error: what is wrong, and what to do about it (`hint`, may be NULL).
 * JSON goes to standard output, text to standard error. Returns `code`, so that a caller can write
 * `return fail(...)`; callers further up pass the code on and report nothing. */
enum exit_code fail(enum exit_code code, const char *hint, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a failure that a later attempt can avoid; JSON has `retry_after_seconds`. */
enum exit_code fail_with_retry(enum exit_code code, double retry_after_seconds, const char *hint,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* An error that is kept instead of printed. */
struct failure {
	enum exit_code code;
	double retry_after_seconds; /* negative: unknown */
	char message[1000];
	char hint[400]; /* empty: none */
};

/* Redirects the first error to *failure instead of printing it; NULL prints errors again. Returns
 * the previous target. */
struct failure *result_capture(struct failure *failure);

/* Reports a problem that does not stop the command. In JSON it becomes part of the result. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the result, including warnings, and releases it. */
void result_print(json_t *result);

/* Whether a result could not be written as JSON, which fails the command. */
bool result_json_failed(void);

/* A JSON string from text that may not be UTF-8, such as an argument or a file name. */
json_t *result_text(const char *text);

bool result_is_utf8(const char *text);

/* RFC 3339 in UTC, to the second. */
#define RESULT_TIME_SIZE 32
void result_format_time(char *text, long long unix_seconds);
