// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/util/xalloc.h"

#include <stdlib.h>

#include "user/util/result.h"

void allocate_failed(void)
{
	exit(fail(EXIT_FAILED, NULL, "out of memory"));
}

void *allocate_zeros(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		allocate_failed();
	return memory;
}

void *allocate_more(void *list, size_t count, size_t size)
{
	/* it doubles at each power of two */
	if (count & (count - 1))
		return list;
	list = reallocarray(list, count ? 2 * count : 1, size);
	if (!list)
		allocate_failed();
	return list;
}
