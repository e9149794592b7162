/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* All limits of a source together: a packet passes if every one admits it, and a rejected packet
 * uses up none. No packets and no maps: unit tests and fuzzers compile this file in user space. The
 * including file provides the clocks:
 *
 *	xrl_boot_ns()	ns of CLOCK_BOOTTIME; about 45 ns to read
 *	xrl_jiffies()	the low 32 bits; about 1 ns to read, as coarse as the timer tick
 *
 * Freshness: time without a clock, for classes of fixed windows only. A refresh closes every
 * expired window and records the jiffy before which no other one can expire
 * (settled_until_jiffies). Until then any window found is open, and a packet needs no clock. A
 * jiffy that the kernel counts late keeps a window open by that delay at most, which never admits
 * one unit more than N. settled_max_jiffies keeps the deadline below the shortest period, so that a
 * window opened meanwhile cannot expire before it, and below a second. With sliding windows or
 * token buckets it is 0: every packet reads the clock.
 *
 * Exact on any number of CPUs, without a lock:
 *
 *   - A window changes only by compare-and-swap from the state on which the decision was made. A
 *     CPU that was delayed in between fails to swap and decides again.
 *   - A window is judged expired only by a clock that was read after the window was.
 *   - A window that was not refreshed for a period has expired, whatever its ticks say, since they
 *     wrap around. So checked_ticks is advanced before a window is opened, never after, and never
 *     moves back: no open window is older than it says.
 *
 * bpf/README.md derives these rules and names the race that remains. */

#include "bpf/limit/refresh.h"

enum xrl_result {
	XRL_PASS,
	XRL_PASS_NEAR, /* near the limit: the class warns */
	XRL_OVER_LIMIT,
	XRL_RETRY,
};

/* The units that a packet costs, of each kind. An array, because every branch would be one more for
 * the verifier to follow at each of the limits. */
struct xrl_cost {
	__u64 units[XRL_UNITS]; /* by enum xrl_unit */
};

/* A limit that was removed from between others leaves an empty slot. */
xrl_inline __u64 xrl_cost_units(const struct xrl_cost *cost, const struct xrl_limit *limit)
{
	return limit->period_ns ? cost->units[limit->unit & (XRL_UNITS - 1)] : 0;
}

/* See xrl_penalty_begin. */
XRL_GLOBAL_FUNC int xrl_begin_penalty(struct xrl_bucket *bucket, const struct xrl_class *class,
                                      __u32 generation)
{
	return bucket && class ? xrl_penalty_begin(bucket, class, generation) : 0;
}

/* Charges one packet to the open window of a simple class: the common case, kept as short as
 * possible. Returns XRL_RETRY if no window is open or the bucket is not fresh. */
xrl_inline enum xrl_result xrl_try_simple(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	xrl_packed state = xrl_window_read(&bucket->windows[0]);

	if (!state || !xrl_is_fresh(bucket, class))
		return XRL_RETRY;
	if ((state & ((1ULL << XRL_WINDOW_USED_BITS) - 1)) >= class->limits[0].max_units)
		return XRL_OVER_LIMIT;
	if (!xrl_window_swap(&bucket->windows[0], state, state + 1))
		return XRL_RETRY;
	return XRL_PASS;
}

/* Refreshes the bucket of a simple class and charges one packet to it. Keeps the order of
 * xrl_refresh: an expired window is closed before checked_ticks can tell anyone that it was
 * checked, and checked_ticks is advanced before the next window is opened. */
xrl_inline __u32 xrl_refresh_simple(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	__u64 now_ns, idle_ns, open_ns;
	const struct xrl_limit *limit;
	xrl_packed state, next;
	__u32 jiffies;

	if (!bucket || !class)
		return XRL_RETRY;
	limit = &class->limits[0];
	state = xrl_window_read(&bucket->windows[0]);
	if (xrl_window_read(&bucket->icmp_errors))
		return XRL_RETRY;
	jiffies = xrl_jiffies();
	idle_ns = xrl_checked_before_ns(&bucket->checked_ticks, &now_ns);
	if (state && xrl_window_must_close(limit, state, idle_ns, now_ns)) {
		if (!xrl_window_swap(&bucket->windows[0], state, 0))
			return XRL_RETRY;
		state = 0;
	}
	if (!xrl_store_refresh_time(bucket, now_ns))
		return XRL_RETRY;

	next = xrl_window_charge(limit, state, now_ns, 1);
	/* a full window may have been closed meanwhile, and its ticks judged too late */
	if (next ? !xrl_window_swap(&bucket->windows[0], state, next)
	         : xrl_window_read(&bucket->windows[0]) != state)
		return XRL_RETRY;
	open_ns = state ? xrl_window_remaining_ns(limit, state, now_ns) : ~0ULL;
	xrl_set_fresh_until(bucket, class, jiffies, open_ns);
	return next ? XRL_PASS : XRL_OVER_LIMIT;
}

/* One attempt to charge one window. */
xrl_inline enum xrl_result xrl_try_one(struct xrl_bucket *bucket, const struct xrl_class *class,
                                       __u32 i, __u64 units)
{
	const struct xrl_limit *limit = &class->limits[i];
	struct xrl_window *window = xrl_window_at(bucket, i);
	xrl_packed state, next;
	__u64 now_ns = 0;

	state = xrl_window_read(window);
	if (!state || !xrl_is_fresh(bucket, class)) {
		now_ns = xrl_refresh(bucket, class);
		if (!now_ns)
			return XRL_RETRY;
		state = xrl_window_read(window);
	}
	next = xrl_limit_charge(limit, state, now_ns, units);
	if (!next)
		return XRL_OVER_LIMIT;
	if (!xrl_window_swap(window, state, next))
		return XRL_RETRY;
	return class->warns && xrl_is_near(limit, next, now_ns) ? XRL_PASS_NEAR : XRL_PASS;
}

/* The same for a class with a single limit. Above the result stands the unit of the limit. */
xrl_inline __u32 xrl_try_single(struct xrl_bucket *bucket, const struct xrl_class *class,
                                const struct xrl_cost *cost)
{
	__u32 unit = class->limits[0].unit;
	__u64 units = xrl_cost_units(cost, &class->limits[0]);

	return units ? xrl_try_one(bucket, class, 0, units) | unit << 16 : XRL_PASS;
}

/* xrl_limit_charge with the fixed window in line and the other algorithms by a call. */
xrl_inline xrl_packed xrl_limit_charge_inline(const struct xrl_limit *limit, xrl_packed state,
                                              __u64 now_ns, __u64 units)
{
	return limit->algorithm == XRL_FIXED ? xrl_window_charge(limit, state, now_ns, units)
	                                     : xrl_limit_charge(limit, state, now_ns, units);
}

/* Tells whether all limits have room at this moment. Sets *now_ns if it had to read the clock, else
 * 0. */
xrl_inline __u32 xrl_check_all(struct xrl_bucket *bucket, const struct xrl_class *class,
                               const struct xrl_cost *cost, __u64 *now_ns)
{
	*now_ns = 0;
	if (!xrl_is_fresh(bucket, class)) {
		*now_ns = xrl_refresh(bucket, class);
		if (!*now_ns)
			return XRL_RETRY;
	}
	for (__u32 i = 0; i < XRL_MAX_LIMITS && i < class->limit_count; i++) {
		__u64 units = xrl_cost_units(cost, &class->limits[i]);
		xrl_packed state = xrl_window_read(&bucket->windows[i]);

		if (units && !xrl_limit_charge_inline(&class->limits[i], state, *now_ns, units))
			return XRL_OVER_LIMIT | class->limits[i].unit << 16;
	}
	return XRL_PASS;
}

/* The charge of each limit: the upper half of the new state, which identifies the window and
 * is all that xrl_refund needs. XRL_NOT_CHARGED marks a limit without a charge. No fixed or sliding
 * window has such an upper half, and a token bucket only once in 2^32 times. */
#define XRL_NOT_CHARGED (~0U)

struct xrl_receipt {
	__u32 charged[XRL_MAX_LIMITS];
};

/* Refunds what the receipt lists. */
xrl_inline void xrl_refund_all(struct xrl_bucket *bucket, const struct xrl_class *class,
                               const struct xrl_cost *cost, const struct xrl_receipt *receipt)
{
	for (__u32 i = 0; i < XRL_MAX_LIMITS; i++)
		if (receipt->charged[i] != XRL_NOT_CHARGED)
			xrl_refund(&bucket->windows[i], &class->limits[i],
			           (__u64)receipt->charged[i] << 32,
			           xrl_cost_units(cost, &class->limits[i]));
}

/* One attempt to charge one window of several. Returns 0 on failure. */
xrl_inline xrl_packed xrl_charge_window(struct xrl_bucket *bucket, const struct xrl_class *class,
                                        __u32 i, __u64 units, __u64 *now_ns)
{
	xrl_packed state = xrl_window_read(&bucket->windows[i]), next;

	if (!state && !*now_ns) {
		*now_ns = xrl_refresh(bucket, class);
		if (!*now_ns)
			return 0;
	}
	next = xrl_limit_charge_inline(&class->limits[i], state, *now_ns, units);
	if (!next || !xrl_window_swap(&bucket->windows[i], state, next))
		return 0;
	return next;
}

/* One attempt at all limits together: checks all of them first, then charges them. */
XRL_GLOBAL_FUNC __u32 xrl_try_all(struct xrl_bucket *bucket, const struct xrl_class *class,
                                  const struct xrl_cost *cost)
{
	struct xrl_receipt receipt;
	__u32 result, i;
	__u64 now_ns;

	if (!bucket || !class || !cost)
		return XRL_RETRY;
	result = xrl_check_all(bucket, class, cost, &now_ns);
	if (result != XRL_PASS)
		return result;
	__builtin_memset(&receipt, 0xFF, sizeof(receipt)); /* XRL_NOT_CHARGED */
	for (i = 0; i < XRL_MAX_LIMITS && i < class->limit_count; i++) {
		const struct xrl_limit *limit = &class->limits[i];
		__u64 units = xrl_cost_units(cost, limit);
		xrl_packed next;

		if (!units)
			continue;
		next = xrl_charge_window(bucket, class, i, units, &now_ns);
		if (!next) {
			xrl_refund_all(bucket, class, cost, &receipt);
			return XRL_RETRY;
		}
		receipt.charged[i] = next >> 32;
		if (class->warns && xrl_is_near(limit, next, now_ns))
			result = XRL_PASS_NEAR;
	}
	return result;
}

/* Returns XRL_RETRY if other CPUs were always faster. */
XRL_GLOBAL_FUNC __u32 xrl_retry_all(struct xrl_bucket *bucket, const struct xrl_class *class,
                                    const struct xrl_cost *cost)
{
	__u32 result = XRL_RETRY;

	for (int i = 0; i < XRL_ATTEMPTS * XRL_ROUNDS && (__u16)result == XRL_RETRY; i++)
		result = xrl_try_all(bucket, class, cost);
	return result;
}

/* Charges a packet to the limits of a source. Returns an xrl_result; with XRL_OVER_LIMIT, bits 16
 * and up hold the unit of the limit that rejected it. One number, because a global function returns
 * no more. XRL_RETRY means that other CPUs were always faster. */
xrl_inline __u32 xrl_charge(struct xrl_bucket *bucket, const struct xrl_class *class,
                            const struct xrl_cost *cost)
{
	__u32 result = XRL_RETRY;

	if (class->limit_count == 1)
		result = xrl_try_single(bucket, class, cost);
	if ((__u16)result == XRL_RETRY)
		result = xrl_retry_all(bucket, class, cost);
	return result;
}

XRL_GLOBAL_FUNC int xrl_try_icmp_error(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	if (!bucket || !class)
		return XRL_RETRY;
	return xrl_try_one(bucket, class, XRL_ICMP_ERRORS, 1);
}

XRL_GLOBAL_FUNC int xrl_retry_icmp_error(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	int result = XRL_RETRY;

	for (int i = 0; i < XRL_ATTEMPTS && result == XRL_RETRY; i++)
		result = xrl_try_icmp_error(bucket, class);
	return result;
}

/* The same for an ICMP error, which has a window of its own. */
xrl_inline enum xrl_result xrl_charge_icmp_error(struct xrl_bucket *bucket,
                                                 const struct xrl_class *class)
{
	enum xrl_result result = XRL_RETRY;

	for (int i = 0; i < XRL_ROUNDS && result == XRL_RETRY; i++)
		result = xrl_retry_icmp_error(bucket, class);
	return result;
}
