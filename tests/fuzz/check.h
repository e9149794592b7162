/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What must hold whatever the input: where it doesn't, the fuzzer keeps the input. */
#define check(condition)                                                                        \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

/* One sentence that can go to a terminal. */
static inline void check_complaint(const char *complaint, size_t size)
{
	size_t length = strnlen(complaint, size);

	check(length > 0);
	check(length < size - 1); /* nothing was cut off */
	for (size_t i = 0; i < length; i++)
		check(complaint[i] >= ' ' && complaint[i] <= '~');
}

/* What both libFuzzer and tests/fuzz/replay.c call. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
