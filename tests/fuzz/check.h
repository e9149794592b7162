/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Must hold for every input. If it doesn't, the fuzzer keeps the input. */
#define check(condition)                                                                 \
	do {                                                                             \
		if (!(condition)) {                                                      \
			fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, \
			        #condition);                                             \
			abort();                                                         \
		}                                                                        \
	} while (0)

/* One printable line, not cut off. */
static inline void check_parse_error(const char *parse_error, size_t size)
{
	size_t length = strnlen(parse_error, size);

	check(length > 0);
	check(length < size - 1);
	for (size_t i = 0; i < length; i++)
		check(parse_error[i] >= ' ' && parse_error[i] <= '~');
}

/* Called by libFuzzer and by tests/fuzz/replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
