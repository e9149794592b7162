// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/util/parse_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/util/suggest.h"
#include "user/util/quote.h"

int complain(const struct complaint *complaint, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(complaint->text, complaint->size, format, args);
	va_end(args);
	return -EINVAL;
}

int complain_value(const struct complaint *complaint, const char *key, const char *value,
                   const char *format, ...)
{
	char quoted[QUOTE_SIZE], reason[320];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return complain(complaint, "%s '%s': %s", key, quote(quoted, value, strlen(value)), reason);
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

int complain_word(const struct complaint *complaint, const char *what, const char *word,
                  const char *const *words, size_t count)
{
	const char *near = nearest(word, words, count);
	char quoted[QUOTE_SIZE], all[256];

	quote(quoted, word, strlen(word));
	if (near)
		return complain(complaint, "unknown %s '%s', did you mean '%s'?", what, quoted,
		                near);
	join(words, count, all, sizeof(all));
	return complain(complaint, "unknown %s '%s'; expected %s", what, quoted, all);
}
