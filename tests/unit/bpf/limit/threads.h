/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Real threads that stand for CPUs. Include it after cmocka.h. */

#include <pthread.h>
#include <stddef.h>

#define MAX_THREADS 4

/* Runs `function` in `count` threads until all return. Thread i gets the i-th of the arguments,
 * which are `size` bytes apart; size 0: all share one. */
static inline void run_threads(int count, void *(*function)(void *), void *arguments, size_t size)
{
	pthread_t threads[MAX_THREADS];

	for (int i = 0; i < count; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, function, (char *)arguments + i * size),
			0);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}
