/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The arithmetic of one limit's fixed bucket: no packet, no map and no clock in it, so that
 * unit tests and fuzzers compile this file in user space.
 *
 * The window opens at a source's first unit and holds N of them until one period later. Its
 * word has the units in the lowest bits, limit->used_bits of them, 40 unless N is larger, and
 * above them the opening in ticks. Of these a period has a quarter of what the bits hold at
 * the most, so that the circle is four periods long:
 *
 *      opened        + 1 period                       + 3 periods      + 4 = opened
 *        |---- open ----|------------- over --------------|---- open ----|
 *                                                           (read late)
 *
 * The last quarter stands for a clock that is behind the CPU that opened the window, by
 * up to a period: nothing is subtracted that could fall below zero. A window never gets
 * to be older than that, because limits.h closes what is over whenever it looks. */

#include "bpf/verifier.h"
#include "include/bucket.h"

#define XRL_WINDOW_USED_BITS 40
#define XRL_MAX_PERIOD_TICKS (1u << 22)

/* The clocks of two CPUs differ by less, 1.07 s. What is further ahead is foreign. */
#define XRL_MAX_AHEAD_NS (1ULL << 30)

typedef __u64 __attribute__((may_alias)) xrl_packed;

/* All zero: no window is open. */
xrl_inline xrl_packed xrl_window_read(const struct xrl_window *window)
{
	return *(const volatile xrl_packed *)window;
}

/* True when the window was still `from`: it is `to` now. A full memory barrier. */
xrl_inline int xrl_window_swap(struct xrl_window *window, xrl_packed from, xrl_packed to)
{
	return __sync_val_compare_and_swap((xrl_packed *)window, from, to) == from;
}

/* The circle, less one. */
xrl_inline __u32 xrl_window_tick_mask(const struct xrl_limit *limit)
{
	return ~0ULL >> limit->used_bits;
}

/* Rounded up, so that no window ends early. */
xrl_inline __u64 xrl_window_ticks(const struct xrl_limit *limit, __u64 now_ns)
{
	return (now_ns + (1ULL << limit->tick_shift) - 1) >> limit->tick_shift;
}

/* A window that opens now. */
xrl_inline xrl_packed xrl_window_open(const struct xrl_limit *limit, __u64 now_ns, __u64 units)
{
	return xrl_window_ticks(limit, now_ns) << limit->used_bits | units;
}

xrl_inline __u32 xrl_window_age_ticks(const struct xrl_limit *limit, xrl_packed state, __u64 now_ns)
{
	return ((now_ns >> limit->tick_shift) - (state >> limit->used_bits)) &
	       xrl_window_tick_mask(limit);
}

/* The window was opened after this clock reading: by a CPU whose clock is ahead, or
 * within the tick that was rounded up. */
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

/* More is used than this limit can have let pass, or it was opened later than any clock can say:
 * then it was written by a CPU that still obeyed another limit. */
xrl_inline int xrl_window_is_stale_write(const struct xrl_limit *limit, xrl_packed state,
                                         __u64 now_ns)
{
	__u32 ahead_ticks =
		-xrl_window_age_ticks(limit, state, now_ns) & xrl_window_tick_mask(limit);

	/* two more, because the one clock is rounded up and the other one down */
	return xrl_window_used(limit, state) > limit->max_units ||
	       (ahead_ticks <= xrl_window_tick_mask(limit) / 4 &&
	        ahead_ticks > (XRL_MAX_AHEAD_NS >> limit->tick_shift) + 2);
}

/* Or nobody has looked for so long that its ticks mean nothing. */
xrl_inline int xrl_window_must_close(const struct xrl_limit *limit, xrl_packed state, __u64 idle_ns,
                                     __u64 now_ns)
{
	return idle_ns >= limit->period_ns || xrl_window_is_stale_write(limit, state, now_ns) ||
	       xrl_window_is_expired(limit, state, now_ns);
}

/* How long an open window stays so at the least. */
xrl_inline __u64 xrl_window_remaining_ns(const struct xrl_limit *limit, xrl_packed state,
                                         __u64 now_ns)
{
	__u32 age_ticks = xrl_window_age_ticks(limit, state, now_ns);

	if (xrl_window_is_ahead(limit, age_ticks))
		age_ticks = 0;
	return (__u64)(limit->period_ticks - age_ticks - 1) << limit->tick_shift;
}

/* What is to be written in place of `word`, which is open if it isn't 0. 0: refused. */
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

/* Without so many units. Unused, it is as good as closed: the next unit opens another one. */
xrl_inline xrl_packed xrl_window_refund(const struct xrl_limit *limit, xrl_packed state,
                                        __u64 units)
{
	return xrl_window_used(limit, state) == units ? 0 : state - units;
}
