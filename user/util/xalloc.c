// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/util/xalloc.h"

#include <stdlib.h>

#include "user/util/result.h"

void xalloc_failed(void)
{
	exit(fail(EXIT_FAILED, NULL, "out of memory"));
}

void *xcalloc(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		xalloc_failed();
	return memory;
}

void *xgrow_array(void *list, size_t count, size_t size)
{
	/* capacity doubles at each power of two */
	if (count & (count - 1))
		return list;
	list = reallocarray(list, count ? 2 * count : 1, size);
	if (!list)
		xalloc_failed();
	return list;
}
