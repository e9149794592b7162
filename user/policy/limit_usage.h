/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "include/bucket.h"

/* Usage of a limit, computed with the program's own arithmetic; no map and no clock. */

struct limit_usage {
	__u64 used, remaining;
	__u64 reset_ns; /* from now until nothing is used; 0: nothing is */
	__u64 retry_ns; /* from now until the next unit passes; 0: it passes now */
};

/* `word`: the state in the bucket. `checked_ticks`: the time of its last check. */
struct limit_usage limit_usage_of(const struct xrl_limit *limit, __u64 word, __u32 checked_ticks,
                                  __u64 now_ns);

/* The remaining time of the penalty in the word of a classified bucket. 0: none. */
__u64 limit_usage_penalty_ns(const struct xrl_limit *penalty, __u64 resolved, __u32 checked_ticks,
                             __u64 now_ns);
