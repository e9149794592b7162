/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>

/* Why a text of the operator's can't be taken: one sentence, and the room for it. */
struct complaint {
	char *text;
	size_t size;
};

#define COMPLAINT_SIZE 480

/* Returns -EINVAL, so that a parser can write `return complain(...)`. */
int complain(const struct complaint *complaint, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "KEY 'VALUE': REASON" */
int complain_value(const struct complaint *complaint, const char *key, const char *value,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* "unknown WHAT 'WORD'", and the one of `words` that was probably meant, or all of them. */
int complain_word(const struct complaint *complaint, const char *what, const char *word,
                  const char *const *words, size_t count);
