/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>

/* The one of `words` that was probably meant by a misspelt word: at most one letter in three is
 * left out, added, replaced or swapped with the next (in words of 2 to 5 letters, one), whatever
 * their case. The first one of several. NULL: none. */
const char *suggest(const char *word, const char *const *words, size_t count);
