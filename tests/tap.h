/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Results in the Test Anything Protocol: a line per point, the plan at the end. */

#include <stdarg.h>
#include <stdio.h>

static int tap_points, tap_failures;

/* Returns `good`, so that the caller can explain a failure. */
__attribute__((format(printf, 2, 3))) static inline int tap_ok(int good, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("%sok %d - ", good ? "" : "not ", ++tap_points);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	tap_failures += !good;
	fflush(stdout);
	return good;
}

/* One line, without the newline. */
__attribute__((format(printf, 1, 2))) static inline void tap_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
}

/* The exit code of the test program. */
static inline int tap_done(void)
{
	printf("1..%d\n", tap_points);
	return !tap_points || tap_failures;
}

/* For a test program that cannot continue. */
__attribute__((format(printf, 1, 2))) static inline int tap_give_up(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("not ok %d - ", ++tap_points);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	tap_failures++;
	return tap_done();
}
