/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>

/* Why the operator's text was rejected: a buffer for one sentence. */
struct parse_error {
	char *text;
	size_t size;
};

#define PARSE_ERROR_SIZE 480

/* Returns -EINVAL, so that a parser can write `return parse_fail(...)`. */
int parse_fail(const struct parse_error *parse_error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "KEY 'VALUE': REASON" */
int parse_fail_value(const struct parse_error *parse_error, const char *key, const char *value,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* "unknown WHAT 'WORD'", with the most similar one of `words`, or all of them. */
int parse_fail_word(const struct parse_error *parse_error, const char *what, const char *word,
                    const char *const *words, size_t count);
