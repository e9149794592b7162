/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>

/* Allocation that exits on failure, for data that must be read as a whole or not at all. */

/* Zeroed memory. */
void *xcalloc(size_t count, size_t size);

/* Returns the array, grown if necessary to hold `count` + 1 elements. New elements are
 * uninitialized. */
void *xgrow_array(void *list, size_t count, size_t size);

void xalloc_failed(void) __attribute__((noreturn));
