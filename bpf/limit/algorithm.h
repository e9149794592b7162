/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The state of one limit, whatever its algorithm: how a packet charges it, when it expires, how a
 * charge is refunded. The including file provides xrl_boot_ns() (clock.h). */

#include "bpf/limit/sliding_window.h"
#include "bpf/limit/token_bucket.h"

/* Retries after other CPUs' successful compare-and-swaps: at least one packet makes progress each
 * time. With 64 CPUs constantly at one source, a CPU loses all of them with a probability of
 * (63/64)^512, or 0.03 %. They are split into rounds because the verifier follows every iteration
 * of a loop, but checks a global function once. */
#define XRL_ATTEMPTS 4
#define XRL_ROUNDS   128

/* A read that is not reordered before the reads above it. x86 never reorders loads; elsewhere an
 * atomic addition of zero orders them, for about 7 ns. */
#if defined(__TARGET_ARCH_x86) || defined(__x86_64__)
#define xrl_read_after(value) (*(volatile __typeof__(*(value)) *)(value))
#else
#define xrl_read_after(value) __sync_fetch_and_add(value, 0)
#endif

xrl_inline __u32 xrl_checked_now(__u64 now_ns)
{
	return now_ns >> XRL_CHECKED_SHIFT;
}

/* Ticks up to 34 s ahead of this CPU's clock are those of a CPU whose clock is ahead; all others
 * are in the past. The span is short because a new bucket's ticks are 0, which must count as past
 * at any time but the last 34 s before the ticks wrap around. */
#define XRL_CHECKED_AHEAD_TICKS 1024u

/* True if `seen` is an earlier tick than `now`. */
xrl_inline int xrl_checked_is_past(__u32 seen, __u32 now)
{
	return now - seen - 1 < ~XRL_CHECKED_AHEAD_TICKS;
}

/* Returns a lower bound, in ns, of how long the clock has not been read for this state, and stores
 * the time in *now_ns. Call it after reading the states that this time judges. */
xrl_inline __u64 xrl_checked_before_ns(__u32 *checked_ticks, __u64 *now_ns)
{
	__u32 seen = xrl_read_after(checked_ticks), now;

	*now_ns = xrl_boot_ns();
	now = xrl_checked_now(*now_ns);
	return xrl_checked_is_past(seen, now) ? (__u64)(now - seen - 1) << XRL_CHECKED_SHIFT : 0;
}

/* Advances *checked_ticks to now_ns or later. Returns 0 if other CPUs kept changing it without
 * getting that far. */
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

/* Returns the state after a packet of `units`, or 0 if that would exceed the limit. */
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

/* Units in use. A token bucket counts a partly refilled unit as used. */
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

/* True if the limit warns of this many used units. */
xrl_inline int xrl_is_near(const struct xrl_limit *limit, xrl_packed state, __u64 now_ns)
{
	return limit->warn_units && xrl_limit_used(limit, state, now_ns) >= limit->warn_units;
}

/* Time after its last use at which nothing of a limit can be left, in ns. */
xrl_inline __u64 xrl_lasts_ns(const struct xrl_limit *limit)
{
	if (limit->algorithm == XRL_SLIDING)
		return 2 * limit->period_ns;
	if (limit->algorithm == XRL_TOKEN)
		return (xrl_token_bucket(limit) >> limit->token_shift) + 1;
	return limit->period_ns;
}

/* True if the state counts for nothing any more, or is a stale write: by a CPU that still applied
 * another limit. */
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

/* Closes a window if it has expired. Returns how long it will not expire, in ns: for fixed windows
 * only, others return 0. Also 0 if another CPU interfered. */
XRL_GLOBAL_FUNC __u64 xrl_close_if_expired(struct xrl_window *window, const struct xrl_limit *limit,
                                           __u64 state, __u64 idle_ns, __u64 now_ns)
{
	if (!window || !limit)
		return 0;
	if (xrl_limit_is_expired(limit, state, idle_ns, now_ns))
		return xrl_window_swap(window, state, 0) ? ~0ULL : 0;
	return limit->algorithm == XRL_FIXED ? xrl_window_remaining_ns(limit, state, now_ns) : 0;
}

/* Returns the state without a packet's units. `charged` is the state which that packet wrote: a
 * window that has expired or closed since, or belongs to a re-created bucket, is left alone. */
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

/* Returns 1 when the refund is done or moot. */
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

/* Refunds a packet that could not charge its next limit. Until then its charge may have caused
 * another packet to be rejected, but never one to be admitted in excess. */
XRL_GLOBAL_FUNC int xrl_refund(struct xrl_window *window, const struct xrl_limit *limit,
                               __u64 charged, __u64 units)
{
	int done = 0;

	for (int i = 0; i < XRL_ATTEMPTS * XRL_ROUNDS && !done; i++)
		done = xrl_try_refund(window, limit, charged, units);
	return done;
}
