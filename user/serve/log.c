// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void log_line(const char *format, ...)
{
	char *line = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&line, format, args);
	va_end(args);
	if (length < 0)
		return;
	for (int i = 0; i < length; i++) /* an error may carry a hint on a line of its own */
		if (line[i] == '\n')
			line[i] = ' ';
	line[length] = '\n';
	/* in one go, so that the lines of two processes don't mix; nobody is left to be told
	 * when that fails */
	if (write(STDERR_FILENO, line, length + 1) < 0) {
	}
	free(line);
}
