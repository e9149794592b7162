// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/config/diagnostics.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/util/xalloc.h"

__attribute__((format(printf, 4, 0))) static void
add(struct findings *findings, int line, bool is_mistake, const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		xalloc_failed();
	findings->list = xgrow_array(findings->list, findings->count, sizeof(*findings->list));
	findings->list[findings->count] = (struct found){{line, is_mistake, text}, findings->count};
	findings->count++;
	findings->mistakes += is_mistake;
}

void findings_mistake(struct findings *findings, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(findings, line, true, format, args);
	va_end(args);
}

void findings_warning(struct findings *findings, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(findings, line, false, format, args);
	va_end(args);
}

static int by_line(const void *a, const void *b)
{
	const struct found *one = a, *other = b;
	int one_line = one->finding.line ? one->finding.line : INT_MAX;
	int other_line = other->finding.line ? other->finding.line : INT_MAX;

	if (one_line != other_line)
		return one_line < other_line ? -1 : 1;
	return one->number < other->number ? -1 : 1;
}

void findings_sort(struct findings *findings)
{
	if (findings->count)
		qsort(findings->list, findings->count, sizeof(*findings->list), by_line);
}

const struct policy_finding *findings_first_mistake(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].finding.is_mistake)
			return &findings->list[i].finding;
	return NULL;
}

void findings_free(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		free((char *)findings->list[i].finding.text);
	free(findings->list);
	*findings = (struct findings){};
}
