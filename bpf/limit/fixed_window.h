/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Fixed window: the arithmetic of one limit. Without packets, maps and clocks, so that unit tests
 * and fuzzers compile it in user space.
 *
 * A window opens at a source's first unit and admits N units until one period later. The low
 * limit->used_bits bits of its state count units (40 bits, unless N is larger); the bits above hold
 * the opening time in ticks. A tick is chosen such that a period is at most a quarter of their
 * range, so that ticks wrap around after four periods or more:
 *
 *      opened        + 1 period                       + 3 periods      + 4 = opened
 *        |---- open ----|---------- expired --------------|---- open ----|
 *                                                           (read late)
 *
 * The last quarter stands for a clock that is behind the CPU that opened the window, by up to a
 * period. No subtraction can fall below zero. A window never gets older than that, because every
 * refresh (refresh.h) closes expired windows. */

#include "bpf/verifier.h"
#include "include/bucket.h"

#define XRL_WINDOW_USED_BITS 40
#define XRL_MAX_PERIOD_TICKS (1u << 22)

/* An upper bound of the difference between two CPUs' clocks: 1.07 s. A state further ahead is a
 * stale write. */
#define XRL_MAX_AHEAD_NS (1ULL << 30)

typedef __u64 __attribute__((may_alias)) xrl_packed;

/* Zero: no window is open. */
xrl_inline xrl_packed xrl_window_read(const struct xrl_window *window)
{
	return *(const volatile xrl_packed *)window;
}

/* Replaces `from` by `to`; false if the state was no longer `from`. A full memory barrier. */
xrl_inline int xrl_window_swap(struct xrl_window *window, xrl_packed from, xrl_packed to)
{
	return __sync_val_compare_and_swap((xrl_packed *)window, from, to) == from;
}

/* The range of the ticks, minus one. */
xrl_inline __u32 xrl_window_tick_mask(const struct xrl_limit *limit)
{
	return ~0ULL >> limit->used_bits;
}

/* Rounded up, so that no window expires early. */
xrl_inline __u64 xrl_window_ticks(const struct xrl_limit *limit, __u64 now_ns)
{
	return (now_ns + (1ULL << limit->tick_shift) - 1) >> limit->tick_shift;
}

/* The state of a window that opens now. */
xrl_inline xrl_packed xrl_window_open(const struct xrl_limit *limit, __u64 now_ns, __u64 units)
{
	return xrl_window_ticks(limit, now_ns) << limit->used_bits | units;
}

/* Ticks since the window opened, modulo the range of ticks. */
xrl_inline __u32 xrl_window_age_ticks(const struct xrl_limit *limit, xrl_packed state, __u64 now_ns)
{
	return ((now_ns >> limit->tick_shift) - (state >> limit->used_bits)) &
	       xrl_window_tick_mask(limit);
}

/* True if the window opened after this clock reading: on a CPU whose clock is ahead, or within the
 * tick that was rounded up. */
xrl_inline int xrl_window_is_ahead(const struct xrl_limit *limit, __u32 age_ticks)
{
	return age_ticks > xrl_window_tick_mask(limit) / 4 * 3;
}

xrl_inline __u64 xrl_window_used(const struct xrl_limit *limit, xrl_packed state)
{
	return state & ((1ULL << limit->used_bits) - 1);
}

xrl_inline int xrl_window_is_expired(const struct xrl_limit *limit, xrl_packed state, __u64 now_ns)
{
	__u32 age_ticks = xrl_window_age_ticks(limit, state, now_ns);

	return age_ticks >= limit->period_ticks && !xrl_window_is_ahead(limit, age_ticks);
}

/* True for a state that this limit cannot have written: too many units, or opened further in the
 * future than clocks can differ. It was written by a CPU that still applied another limit. */
xrl_inline int xrl_window_is_stale_write(const struct xrl_limit *limit, xrl_packed state,
                                         __u64 now_ns)
{
	__u32 ahead_ticks =
		-xrl_window_age_ticks(limit, state, now_ns) & xrl_window_tick_mask(limit);

	/* plus two, because one clock is rounded up and the other one down */
	return xrl_window_used(limit, state) > limit->max_units ||
	       (ahead_ticks <= xrl_window_tick_mask(limit) / 4 &&
	        ahead_ticks > (XRL_MAX_AHEAD_NS >> limit->tick_shift) + 2);
}

/* Expired, a stale write, or idle for so long that its ticks have wrapped around. */
xrl_inline int xrl_window_must_close(const struct xrl_limit *limit, xrl_packed state, __u64 idle_ns,
                                     __u64 now_ns)
{
	return idle_ns >= limit->period_ns || xrl_window_is_stale_write(limit, state, now_ns) ||
	       xrl_window_is_expired(limit, state, now_ns);
}

/* A lower bound of how long an open window stays open. */
xrl_inline __u64 xrl_window_remaining_ns(const struct xrl_limit *limit, xrl_packed state,
                                         __u64 now_ns)
{
	__u32 age_ticks = xrl_window_age_ticks(limit, state, now_ns);

	if (xrl_window_is_ahead(limit, age_ticks))
		age_ticks = 0;
	return (__u64)(limit->period_ticks - age_ticks - 1) << limit->tick_shift;
}

/* Returns the state after `units` more, or 0 if the limit would be exceeded. `state` is 0 or an
 * open window. */
xrl_inline xrl_packed xrl_window_charge(const struct xrl_limit *limit, xrl_packed state,
                                        __u64 now_ns, __u64 units)
{
	__u64 used = xrl_window_used(limit, state);

	if (used + units > limit->max_units)
		return 0;
	return state ? state + units : xrl_window_open(limit, now_ns, units);
}

xrl_inline int xrl_window_is_same(const struct xrl_limit *limit, xrl_packed one, xrl_packed other)
{
	return one >> limit->used_bits == other >> limit->used_bits;
}

/* Without these units. An unused window is closed: the next unit opens another one. */
xrl_inline xrl_packed xrl_window_refund(const struct xrl_limit *limit, xrl_packed state,
                                        __u64 units)
{
	return xrl_window_used(limit, state) == units ? 0 : state - units;
}
