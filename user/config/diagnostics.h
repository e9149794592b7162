/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Errors and warnings about a configuration file. */

struct diagnostic {
	int line;      /* 0: of the file as a whole */
	bool is_error; /* else a warning: valid, but probably not intended */
	const char *text;
};

struct diagnostic_entry {
	struct diagnostic diagnostic;
	size_t number; /* in the order of addition */
};

struct diagnostics {
	struct diagnostic_entry *list;
	size_t count;
	int mistakes; /* how many are errors; the others are warnings */
};

/* Exit if memory runs out. */
void diagnostics_error(struct diagnostics *diagnostics, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void diagnostics_warning(struct diagnostics *diagnostics, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sorts by line; diagnostics of the same line keep their order, those without a line come last. */
void diagnostics_sort(struct diagnostics *diagnostics);

/* The first error in sorted diagnostics, or NULL. */
const struct diagnostic *diagnostics_first_error(const struct diagnostics *diagnostics);

void diagnostics_free(struct diagnostics *diagnostics);
