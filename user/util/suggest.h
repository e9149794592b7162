/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>

/* Returns the word in `words` that a misspelled word probably meant, or NULL: the two differ in at
 * most one letter in three (one in words of 2 to 5 letters), ignoring case. The first of several
 * equally similar words wins. */
const char *suggest(const char *word, const char *const *words, size_t count);
