/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>

/* Memory for what must be read as a whole or not at all. Each ends the process when there is
 * none. */

/* Zeros. */
void *xcalloc(size_t count, size_t size);

/* The list, grown if need be so that one more than `count` fit. What is new is undefined. */
void *xgrow_array(void *list, size_t count, size_t size);

void xalloc_failed(void) __attribute__((noreturn));
