/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Sliding window counter: the arithmetic of one limit. No packets, maps or clocks.
 *
 * Time is divided into windows of one period, counted from boot. The units of the current window,
 * plus those of the previous one weighted by how much of it the last period covers, must not exceed
 * N:
 *
 *      |------- previous -------|------- current -------|
 *                    |<------ the last period --->| now
 *                    |<-weight->|
 *
 *      used = current + previous * weight / period
 *
 * The units of the previous window are taken as evenly spread. So up to N units may come at its end
 * and up to N more before the current window ends, but never more than N within one of these
 * windows, and never more than 2 N, less the weighted part, within a period across two of them.
 *
 * The state, from its lowest bit: units of the current window (limit->used_bits), units of the
 * previous one (the rest of 60 bits), and the number of the current window, modulo 16. If N takes
 * more than half of the 60 bits, the previous units are rounded up to the precision that remains:
 * by less than 0.2 % of N, and not at all below N = 2^30. */

#include "bpf/limit/fixed_window.h"

#define XRL_SLIDING_COUNT_BITS 60

struct xrl_sliding {
	__u64 current, previous; /* units */
	__u32 window;            /* modulo 16 */
};

/* Previous units are rounded up to a multiple of 2^shift. */
xrl_inline __u32 xrl_sliding_shift(const struct xrl_limit *limit)
{
	return 2 * limit->used_bits - XRL_SLIDING_COUNT_BITS;
}

xrl_inline __u64 xrl_sliding_current(const struct xrl_limit *limit, xrl_packed state)
{
	return state & ((1ULL << limit->used_bits) - 1);
}

xrl_inline __u64 xrl_sliding_previous(const struct xrl_limit *limit, xrl_packed state)
{
	__u64 counts = state & ((1ULL << XRL_SLIDING_COUNT_BITS) - 1);

	return counts >> limit->used_bits << xrl_sliding_shift(limit);
}

/* The window of a state, relative to the present one: 0 is the same, 1 the previous one, 12 to 15
 * those of a CPU whose clock is ahead. */
xrl_inline __u32 xrl_sliding_age(xrl_packed state, __u64 window)
{
	return (window - (state >> XRL_SLIDING_COUNT_BITS)) & 15;
}

#define XRL_SLIDING_AHEAD 12

xrl_inline int xrl_sliding_is_expired(const struct xrl_limit *limit, xrl_packed state, __u64 now_ns)
{
	__u32 age = xrl_sliding_age(state, now_ns / limit->period_ns);

	return age >= 2 && age < XRL_SLIDING_AHEAD;
}

/* The state as it reads in the present window. */
xrl_inline xrl_packed xrl_sliding_rotate(const struct xrl_limit *limit, xrl_packed state,
                                         __u64 window)
{
	__u32 age = xrl_sliding_age(state, window), shift = xrl_sliding_shift(limit);
	__u64 previous;

	if (state && (!age || age >= XRL_SLIDING_AHEAD))
		return state;
	previous = age == 1 ? xrl_sliding_current(limit, state) + (1ULL << shift) - 1 : 0;
	return (window & 15) << XRL_SLIDING_COUNT_BITS | previous >> shift << limit->used_bits;
}

/* The part of the previous window that the last period covers, in ticks; all of it for a clock that
 * is behind. The part not covered is rounded down, because the period is rounded up and the
 * quotient of the two must not become smaller for it. */
xrl_inline __u64 xrl_sliding_weight_ticks(const struct xrl_limit *limit, xrl_packed rotated,
                                          __u64 window, __u64 now_ns)
{
	__u64 into_ns = now_ns - window * limit->period_ns;

	if (xrl_sliding_age(rotated, window))
		return limit->period_ticks;
	return limit->period_ticks - (into_ns >> limit->tick_shift);
}

/* Units in use, rounded up. The product has at most 62 bits: limit_derive ensures that. */
xrl_inline __u64 xrl_sliding_used(const struct xrl_limit *limit, xrl_packed state, __u64 now_ns)
{
	__u64 window = now_ns / limit->period_ns;
	xrl_packed rotated = xrl_sliding_rotate(limit, state, window);
	__u64 ticks = xrl_sliding_weight_ticks(limit, rotated, window, now_ns);
	__u64 weighted = xrl_sliding_previous(limit, rotated) * ticks;

	return xrl_sliding_current(limit, rotated) +
	       (weighted + limit->period_ticks - 1) / limit->period_ticks;
}

/* Returns the state after `units` more, or 0 if the limit would be exceeded. */
xrl_inline xrl_packed xrl_sliding_charge(const struct xrl_limit *limit, xrl_packed state,
                                         __u64 now_ns, __u64 units)
{
	if (xrl_sliding_used(limit, state, now_ns) + units > limit->max_units)
		return 0;
	return xrl_sliding_rotate(limit, state, now_ns / limit->period_ns) + units;
}

/* More units than any packet under this limit can have left, or a window that begins further in the
 * future than clocks can differ. */
xrl_inline int xrl_sliding_is_stale_write(const struct xrl_limit *limit, xrl_packed state,
                                          __u64 now_ns)
{
	__u64 window = now_ns / limit->period_ns;
	__u32 age = xrl_sliding_age(state, window);

	return xrl_sliding_current(limit, state) > limit->max_units ||
	       xrl_sliding_previous(limit, state) >=
	               limit->max_units + (1ULL << xrl_sliding_shift(limit)) ||
	       (age >= XRL_SLIDING_AHEAD &&
	        (window + 16 - age) * limit->period_ns > now_ns + XRL_MAX_AHEAD_NS);
}
