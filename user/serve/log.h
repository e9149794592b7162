/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* One line on standard error, for one event that matters to the operator. Never a token. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For events that a client can cause at any rate: ten lines a minute, then the number of lines left
 * out. *memory must be zeroed at first. */
struct log_limit {
	unsigned long long began_ns;
	unsigned int lines, left_out;
};

void log_limited(struct log_limit *memory, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
