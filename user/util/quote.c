// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/util/quote.h"

#include <string.h>

const char *quote(char quoted[QUOTE_SIZE], const char *text, size_t length)
{
	size_t kept = length > QUOTE_MAX_LENGTH ? QUOTE_MAX_LENGTH : length;

	for (size_t i = 0; i < kept; i++)
		quoted[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	strcpy(quoted + kept, kept < length ? "..." : "");
	return quoted;
}
