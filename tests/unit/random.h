/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* SplitMix64 with a fixed seed: the same numbers in every run. */

#include <assert.h>
#include <linux/types.h>

static __u64 random_state = 1;

static inline __u64 random64(void)
{
	__u64 z = random_state += 0x9E3779B97F4A7C15ULL;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
	return z ^ z >> 31;
}

static inline __u64 random_below(__u64 limit)
{
	assert(limit);
	return random64() % limit;
}
