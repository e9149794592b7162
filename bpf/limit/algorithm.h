/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* One limit's word, whatever its algorithm: what is to be written there, and when it says
 * nothing any more. See limits.h for what includes this brings along. */

#include "bpf/limit/sliding_window.h"
#include "bpf/limit/token_bucket.h"

/* How often a packet tries again after another CPU was faster. Each time one of them got
 * through. Even where 64 CPUs are at one source all the time, one of them loses so many
 * times in a row with a chance of (63/64)^512, which is 0.03 %. In rounds, because the verifier
 * follows each turn of a loop: a round is checked once. */
#define XRL_ATTEMPTS 4
#define XRL_ROUNDS   128

/* A read that isn't done before those that stand above it. x86 never does that; elsewhere an
 * atomic addition of nothing makes sure of it, for another 7 ns. */
#if defined(__TARGET_ARCH_x86) || defined(__x86_64__)
#define xrl_read_after(value) (*(volatile __typeof__(*(value)) *)(value))
#else
#define xrl_read_after(value) __sync_fetch_and_add(value, 0)
#endif

xrl_inline __u32 xrl_checked_now(__u64 now_ns)
{
	return now_ns >> XRL_CHECKED_SHIFT;
}

/* What looks like the last 34 s of four years is a clock that is behind. No more than that: the
 * ticks of a new bucket are 0, and at any time but those seconds it must be seen that this is
 * past. */
#define XRL_CHECKED_AHEAD_TICKS 1024u

xrl_inline int xrl_checked_is_past(__u32 seen, __u32 now)
{
	return now - seen - 1 < ~XRL_CHECKED_AHEAD_TICKS;
}

/* For how long nobody has looked, at the least, and the time. Read it after the words that are
 * judged by it. */
xrl_inline __u64 xrl_checked_before_ns(__u32 *checked_ticks, __u64 *now_ns)
{
	__u32 seen = xrl_read_after(checked_ticks), now;

	*now_ns = xrl_boot_ns();
	now = xrl_checked_now(*now_ns);
	return xrl_checked_is_past(seen, now) ? (__u64)(now - seen - 1) << XRL_CHECKED_SHIFT : 0;
}

/* Afterwards *checked_ticks is at least that of now. False when other CPUs moved it again and
 * again, and never as far. */
XRL_GLOBAL_FUNC int xrl_advance(__u32 *checked_ticks, __u64 now_ns)
{
	__u32 now = xrl_checked_now(now_ns), seen;

	if (!checked_ticks)
		return 0;
	seen = *(volatile __u32 *)checked_ticks;
	for (int i = 0; i < 4; i++) {
		__u32 before;

		if (!xrl_checked_is_past(seen, now))
			return 1;
		before = __sync_val_compare_and_swap(checked_ticks, seen, now);
		if (before == seen)
			return 1;
		seen = before;
	}
	return 0;
}

/* What a packet of so many units makes of a word. 0: it is refused. */
XRL_GLOBAL_FUNC __u64 xrl_limit_charge(const struct xrl_limit *limit, __u64 state, __u64 now_ns,
                                       __u64 units)
{
	if (!limit)
		return 0;
	if (limit->algorithm == XRL_SLIDING)
		return xrl_sliding_charge(limit, state, now_ns, units);
	if (limit->algorithm == XRL_TOKEN)
		return xrl_token_charge(limit, state, now_ns, units);
	return xrl_window_charge(limit, state, now_ns, units);
}

/* Of a token bucket's units also the one that is only paid for in part. */
XRL_GLOBAL_FUNC __u64 xrl_limit_used(const struct xrl_limit *limit, __u64 state, __u64 now_ns)
{
	if (!limit)
		return 0;
	if (limit->algorithm == XRL_SLIDING)
		return xrl_sliding_used(limit, state, now_ns);
	if (limit->algorithm == XRL_TOKEN)
		return xrl_token_used(limit, state, now_ns);
	return xrl_window_used(limit, state);
}

xrl_inline int xrl_is_near(const struct xrl_limit *limit, xrl_packed state, __u64 now_ns)
{
	return limit->warn_units && xrl_limit_used(limit, state, now_ns) >= limit->warn_units;
}

/* For how long nothing of a limit can be left after it was last used. */
xrl_inline __u64 xrl_lasts_ns(const struct xrl_limit *limit)
{
	if (limit->algorithm == XRL_SLIDING)
		return 2 * limit->period_ns;
	if (limit->algorithm == XRL_TOKEN)
		return (xrl_token_bucket(limit) >> limit->token_shift) + 1;
	return limit->period_ns;
}

/* Says nothing any more; or was written by a CPU that still obeyed another limit. */
xrl_inline int xrl_limit_is_expired(const struct xrl_limit *limit, xrl_packed state, __u64 idle_ns,
                                    __u64 now_ns)
{
	if (!state || idle_ns >= xrl_lasts_ns(limit))
		return 1;
	if (limit->algorithm == XRL_SLIDING)
		return xrl_sliding_is_stale_write(limit, state, now_ns) ||
		       xrl_sliding_is_expired(limit, state, now_ns);
	if (limit->algorithm == XRL_TOKEN)
		return xrl_token_is_stale_write(limit, state, now_ns) ||
		       xrl_token_is_expired(limit, state, now_ns);
	return xrl_window_must_close(limit, state, idle_ns, now_ns);
}

/* Closes one window if it is over. Returns for how long it won't be; of other algorithms than
 * the fixed bucket nobody asks. */
XRL_GLOBAL_FUNC __u64 xrl_close_if_expired(struct xrl_window *window, const struct xrl_limit *limit,
                                           __u64 state, __u64 idle_ns, __u64 now_ns)
{
	if (!window || !limit)
		return 0;
	if (xrl_limit_is_expired(limit, state, idle_ns, now_ns))
		return xrl_window_swap(window, state, 0) ? ~0ULL : 0;
	return limit->algorithm == XRL_FIXED ? xrl_window_remaining_ns(limit, state, now_ns) : 0;
}

/* The word without a packet's units, which made it `mine`. What has ended meanwhile, or was closed
 * or evicted, is left as it is: there is nothing to give back to. */
xrl_inline xrl_packed xrl_limit_refund(const struct xrl_limit *limit, xrl_packed state,
                                       xrl_packed charged, __u64 units)
{
	if (limit->algorithm == XRL_SLIDING)
		return state >> XRL_SLIDING_COUNT_BITS == charged >> XRL_SLIDING_COUNT_BITS &&
		                       xrl_sliding_current(limit, state) >= units
		               ? state - units
		               : state;
	if (limit->algorithm == XRL_TOKEN)
		return xrl_token_refund(limit, state, charged, xrl_boot_ns(), units);
	return xrl_window_is_same(limit, state, charged) && xrl_window_used(limit, state) >= units
	               ? xrl_window_refund(limit, state, units)
	               : state;
}

/* 1: it's done, or not to be done. */
XRL_GLOBAL_FUNC int xrl_try_refund(struct xrl_window *window, const struct xrl_limit *limit,
                                   __u64 charged, __u64 units)
{
	xrl_packed state, refunded;

	if (!window || !limit)
		return 1;
	state = xrl_window_read(window);
	refunded = xrl_limit_refund(limit, state, charged, units);
	return refunded == state || xrl_window_swap(window, state, refunded);
}

/* Takes back what a packet used of a limit before it failed to get the next one. Between
 * the two it may have been in somebody's way: that packet is refused, none is admitted too
 * many. */
XRL_GLOBAL_FUNC int xrl_refund(struct xrl_window *window, const struct xrl_limit *limit,
                               __u64 charged, __u64 units)
{
	int done = 0;

	for (int i = 0; i < XRL_ATTEMPTS * XRL_ROUNDS && !done; i++)
		done = xrl_try_refund(window, limit, charged, units);
	return done;
}
