// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/util/parse_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/util/suggest.h"
#include "user/util/quote.h"

int parse_fail(const struct parse_error *parse_error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(parse_error->text, parse_error->size, format, args);
	va_end(args);
	return -EINVAL;
}

int parse_fail_value(const struct parse_error *parse_error, const char *key, const char *value,
                     const char *format, ...)
{
	char quoted[QUOTE_SIZE], reason[320];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return parse_fail(parse_error, "%s '%s': %s", key, quote(quoted, value, strlen(value)),
	                  reason);
}

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

int parse_fail_word(const struct parse_error *parse_error, const char *what, const char *word,
                    const char *const *words, size_t count)
{
	const char *suggestion = suggest(word, words, count);
	char quoted[QUOTE_SIZE], all[256];

	quote(quoted, word, strlen(word));
	if (suggestion)
		return parse_fail(parse_error, "unknown %s '%s', did you mean '%s'?", what, quoted,
		                  suggestion);
	join(words, count, all, sizeof(all));
	return parse_fail(parse_error, "unknown %s '%s'; expected %s", what, quoted, all);
}
