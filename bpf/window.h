/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The arithmetic of one limit's window: no packet, no map and no clock in it, so that
 * unit tests and fuzzers compile this file in user space.
 *
 * A fixed bucket: the window opens at a source's first unit and holds N of them until
 * one period later. The opening is kept in 24 bits of ticks, of which a period has at
 * most 2^22, so that the circle is four periods long:
 *
 *      opened        + 1 period                       + 3 periods      + 4 = opened
 *        |---- open ----|------------- over --------------|---- open ----|
 *                                                           (read late)
 *
 * The last quarter stands for a clock that is behind the CPU that opened the window, by
 * up to a period: nothing is subtracted that could fall below zero. A window never gets
 * to be older than that, because limits.h closes what is over whenever it looks. */

#include "../include/bucket.h"

#define XRL_MAX_PERIOD_TICKS (1u << (XRL_TICK_BITS - 2))
#define XRL_TICK_MASK        ((1u << XRL_TICK_BITS) - 1)

#define xrl_inline static inline __attribute__((always_inline))

typedef __u64 __attribute__((may_alias)) xrl_word;

union xrl_window_bits {
	struct xrl_window window;
	xrl_word word;
};

/* All zero: no window is open. */
xrl_inline xrl_word xrl_window_read(const struct xrl_window *window)
{
	return *(const volatile xrl_word *)window;
}

/* True when the window was still `from`: it is `to` now. A full memory barrier. */
xrl_inline int xrl_window_swap(struct xrl_window *window, xrl_word from, xrl_word to)
{
	return __sync_val_compare_and_swap((xrl_word *)window, from, to) == from;
}

/* A window that opens now. Rounded up, so that it never ends early. */
xrl_inline xrl_word xrl_window_open(const struct xrl_limit *limit, __u64 now_ns, __u64 units)
{
	__u64 tick_ns = 1ULL << limit->tick_shift;
	union xrl_window_bits bits = {.word = 0};

	bits.window.used_units = units;
	bits.window.opened_ticks = (now_ns + tick_ns - 1) >> limit->tick_shift;
	return bits.word;
}

xrl_inline __u32 xrl_window_age_ticks(const struct xrl_limit *limit, xrl_word word, __u64 now_ns)
{
	union xrl_window_bits bits = {.word = word};

	return ((__u32)(now_ns >> limit->tick_shift) - (__u32)bits.window.opened_ticks) &
	       XRL_TICK_MASK;
}

/* The window was opened after this clock reading: by a CPU whose clock is ahead, or
 * within the tick that was rounded up. */
xrl_inline int xrl_window_is_ahead(__u32 age_ticks)
{
	return age_ticks >= 3 * XRL_MAX_PERIOD_TICKS;
}

xrl_inline int xrl_window_is_over(const struct xrl_limit *limit, xrl_word word, __u64 now_ns)
{
	__u32 age_ticks = xrl_window_age_ticks(limit, word, now_ns);

	return age_ticks >= limit->period_ticks && !xrl_window_is_ahead(age_ticks);
}

/* How long an open window stays so at the least. */
xrl_inline __u64 xrl_window_remaining_ns(const struct xrl_limit *limit, xrl_word word, __u64 now_ns)
{
	__u32 age_ticks = xrl_window_age_ticks(limit, word, now_ns);

	if (xrl_window_is_ahead(age_ticks))
		age_ticks = 0;
	return (__u64)(limit->period_ticks - age_ticks - 1) << limit->tick_shift;
}

xrl_inline __u64 xrl_window_used(xrl_word word)
{
	union xrl_window_bits bits = {.word = word};

	return bits.window.used_units;
}

xrl_inline int xrl_window_has_room(const struct xrl_limit *limit, xrl_word word, __u64 units)
{
	return xrl_window_used(word) + units <= limit->max_units;
}

/* The same window with so many units more; the caller has made sure of the room. The
 * count is in the low bits of the word on every machine that BPF runs on only by way of
 * the bit-field, hence no plain addition. */
xrl_inline xrl_word xrl_window_add(xrl_word word, __s64 units)
{
	union xrl_window_bits bits = {.word = word};

	bits.window.used_units += units;
	return bits.word;
}

xrl_inline int xrl_window_is_same(xrl_word one, xrl_word other)
{
	union xrl_window_bits a = {.word = one}, b = {.word = other};

	return a.window.opened_ticks == b.window.opened_ticks;
}
