/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>

#define QUOTE_MAX_LENGTH 60
#define QUOTE_SIZE       (QUOTE_MAX_LENGTH + sizeof("..."))

/* Foreign text, made fit for a parse_error: the first 60 bytes, with '...' when there are more,
 * and '?' for what isn't printable ASCII. Returns `quoted`. */
const char *quote(char quoted[QUOTE_SIZE], const char *text, size_t length);
