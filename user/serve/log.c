// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "user/serve/now.h"

#define LIMIT_NS    (60 * SECOND_NS)
#define LIMIT_LINES 10

static void write_line(const char *format, va_list args)
{
	char *line = NULL;
	int length = vasprintf(&line, format, args);

	if (length < 0)
		return;
	for (int i = 0; i < length; i++) /* an error may have its hint on a line of its own */
		if (line[i] == '\n')
			line[i] = ' ';
	line[length] = '\n';
	/* a single write, so that lines of two processes do not mix; a failure cannot be
	 * reported anywhere */
	if (write(STDERR_FILENO, line, length + 1) < 0) {
	}
	free(line);
}

void log_line(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(format, args);
	va_end(args);
}

void log_limited(struct log_limit *memory, const char *format, ...)
{
	__u64 now_ns = now_monotonic_ns();
	va_list args;

	if (!memory->began_ns || now_ns - memory->began_ns > LIMIT_NS) {
		if (memory->left_out)
			log_line("%u similar lines were left out", memory->left_out);
		*memory = (struct log_limit){.began_ns = now_ns};
	}
	if (memory->lines++ >= LIMIT_LINES) {
		memory->left_out++;
		return;
	}
	va_start(args, format);
	write_line(format, args);
	va_end(args);
}
