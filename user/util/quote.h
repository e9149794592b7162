/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>

#define QUOTE_MAX_LENGTH 60
#define QUOTE_SIZE       (QUOTE_MAX_LENGTH + sizeof("..."))

/* Makes untrusted text safe to print: the first 60 bytes, then '...' if there are more, with '?'
 * for each byte that is not printable ASCII. Returns `quoted`. */
const char *quote(char quoted[QUOTE_SIZE], const char *text, size_t length);
