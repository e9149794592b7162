// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/config/diagnostics.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/util/xalloc.h"

__attribute__((format(printf, 4, 0))) static void
add(struct diagnostics *diagnostics, int line, bool is_error, const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		xalloc_failed();
	diagnostics->list =
		xgrow_array(diagnostics->list, diagnostics->count, sizeof(*diagnostics->list));
	diagnostics->list[diagnostics->count] =
		(struct diagnostic_entry){{line, is_error, text}, diagnostics->count};
	diagnostics->count++;
	diagnostics->mistakes += is_error;
}

void diagnostics_error(struct diagnostics *diagnostics, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diagnostics, line, true, format, args);
	va_end(args);
}

void diagnostics_warning(struct diagnostics *diagnostics, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diagnostics, line, false, format, args);
	va_end(args);
}

static int by_line(const void *a, const void *b)
{
	const struct diagnostic_entry *one = a, *other = b;
	int one_line = one->diagnostic.line ? one->diagnostic.line : INT_MAX;
	int other_line = other->diagnostic.line ? other->diagnostic.line : INT_MAX;

	if (one_line != other_line)
		return one_line < other_line ? -1 : 1;
	return one->number < other->number ? -1 : 1;
}

void diagnostics_sort(struct diagnostics *diagnostics)
{
	if (diagnostics->count)
		qsort(diagnostics->list, diagnostics->count, sizeof(*diagnostics->list), by_line);
}

const struct diagnostic *diagnostics_first_error(const struct diagnostics *diagnostics)
{
	for (size_t i = 0; i < diagnostics->count; i++)
		if (diagnostics->list[i].diagnostic.is_error)
			return &diagnostics->list[i].diagnostic;
	return NULL;
}

void diagnostics_free(struct diagnostics *diagnostics)
{
	for (size_t i = 0; i < diagnostics->count; i++)
		free((char *)diagnostics->list[i].diagnostic.text);
	free(diagnostics->list);
	*diagnostics = (struct diagnostics){};
}
