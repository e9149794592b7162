/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Budgets: max_units per interval of 2^shift jiffies, shared by all CPUs. Jiffies, because reading
 * a clock would cost as much as the rest of the gate. */

#include "bpf/limit/algorithm.h"
#include "include/gate.h"

/* Attempts against other CPUs' writes. */
#define BUDGET_TAKE_ATTEMPTS 3

static __always_inline __u32 interval_of(const struct xrl_share *share, __u64 jiffies)
{
	return jiffies >> (share->shift & 63);
}

static __always_inline __u64 budget_read(const struct xrl_taken *budget)
{
	return *(const volatile xrl_packed *)budget;
}

/* A CPU that was delayed since it read the time does not reset what others have begun: for up to
 * this many intervals, a late writer counts into the current one. */
#define LATE_INTERVALS 16

/* The interval to count into: that of the word, if it is slightly ahead of `interval`. */
static __always_inline __u32 later_interval(__u64 state, __u32 interval)
{
	__u32 written = state >> 32;

	return written - interval < LATE_INTERVALS ? written : interval;
}

/* Units taken in this interval. */
static __always_inline __u32 units_in(__u64 state, __u32 interval)
{
	return state >> 32 == later_interval(state, interval) ? (__u32)state : 0;
}

static __always_inline int budget_has_room(const struct xrl_taken *budget, __u32 interval,
                                           __u32 max_units)
{
	return units_in(budget_read(budget), interval) < max_units;
}

/* Takes one unit. Returns 0 if none is left, or other CPUs were always faster. A rejected caller
 * writes nothing, so that the word stays in the caches of all CPUs. */
XRL_GLOBAL_FUNC int budget_take(struct xrl_taken *budget, __u32 interval, __u32 max_units)
{
	if (!budget)
		return 0;
	XRL_UNROLL
	for (int i = 0; i < BUDGET_TAKE_ATTEMPTS; i++) {
		__u64 state = budget_read(budget);
		__u32 units = units_in(state, interval);

		if (units >= max_units)
			return 0;
		if (__sync_val_compare_and_swap((xrl_packed *)budget, state,
		                                (__u64)later_interval(state, interval) << 32 |
		                                        (units + 1)) == state)
			return 1;
	}
	return 0;
}
