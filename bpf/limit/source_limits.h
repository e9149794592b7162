/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* All limits of a source at once: a packet passes when each of them allows it, and a
 * refused packet uses up none. No packet and no map in it: unit tests and fuzzers compile
 * this file in user space. Whoever includes it brings the two clocks:
 *
 *	xrl_boot_ns()	CLOCK_BOOTTIME; about 45 ns to read
 *	xrl_jiffies()	the low 32 bits; about 1 ns to read, as coarse as the timer tick
 *	XRL_GLOBAL_FUNC	how to declare a function that the verifier shall check by itself, once,
 *			whatever its arguments: hence the tests for NULL at their beginnings
 *
 * Time without a clock, in a class that has only fixed buckets. A look at the clock closes
 * every window that is over, and writes down the jiffy before which no other one will be
 * ("settled"). Until then any window that stands there is open, and a packet needs no clock. A
 * jiffy that the kernel counts late can only keep a window open for as long as it is late, which
 * never makes one unit more than N. settled_max_jiffies keeps it below the shortest period (so
 * that a window opened meanwhile can't end before) and below a second. With sliding windows or
 * token buckets it is 0: each packet looks at the clock.
 *
 * Exact on any number of CPUs, without a lock:
 *   - A window changes only by compare-and-swap from the value that the decision was made
 *     on. A CPU that was held up in between fails to swap and decides again.
 *   - Whether a window is over is judged by a clock that was read after the window was.
 *   - What nobody has looked at for a period is over, whatever its ticks say (they go
 *     round). So checked_ticks is advanced before a window is opened, never after, and
 *     never moves back: no open window is older than what it says.
 * What remains: a CPU that is held up for a whole period (a virtual one, say), exactly
 * between its look and its swap, and while the window is closed both before and after,
 * admits its one packet into a window that is already over. */

#include "bpf/limit/refresh.h"

enum xrl_result {
	XRL_PASS,
	XRL_PASS_NEAR, /* and so much is used now that the class warns of it */
	XRL_OVER_LIMIT,
	XRL_RETRY,
};

/* What a packet would use up of a limit in each unit. As an array, because every branch
 * here is one more that the verifier has to follow for each of the limits. */
struct xrl_cost {
	__u64 units[XRL_UNITS]; /* by enum xrl_unit */
};

/* A limit that was taken away, between others that stay, leaves a place without a limit. */
xrl_inline __u64 xrl_cost_units(const struct xrl_cost *cost, const struct xrl_limit *limit)
{
	return limit->period_ns ? cost->units[limit->unit & (XRL_UNITS - 1)] : 0;
}

XRL_GLOBAL_FUNC int xrl_begin_penalty(struct xrl_bucket *bucket, const struct xrl_class *class,
                                      __u32 generation)
{
	return bucket && class ? xrl_penalty_begin(bucket, class, generation) : 0;
}

/* Most packets of most policies, kept as short as can be: one more in the open window of a plain
 * class. XRL_RETRY: it isn't as simple as that. */
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

/* The same with a look at the clock, of which no more is asked than a plain class needs, in the
 * order that xrl_refresh keeps, too: what is over is closed before anybody can read in
 * checked_ticks that it was looked at, and that is advanced before the next window is opened. */
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
	/* a full one may have been closed, and its ticks looked at too late */
	if (next ? !xrl_window_swap(&bucket->windows[0], state, next)
	         : xrl_window_read(&bucket->windows[0]) != state)
		return XRL_RETRY;
	open_ns = state ? xrl_window_remaining_ns(limit, state, now_ns) : ~0ULL;
	xrl_set_fresh_until(bucket, class, jiffies, open_ns);
	return next ? XRL_PASS : XRL_OVER_LIMIT;
}

/* One attempt at one window. */
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

/* The same at the only one. */
xrl_inline __u32 xrl_try_single(struct xrl_bucket *bucket, const struct xrl_class *class,
                                const struct xrl_cost *cost)
{
	__u32 unit = class->limits[0].unit;
	__u64 units = xrl_cost_units(cost, &class->limits[0]);

	return units ? xrl_try_one(bucket, class, 0, units) | unit << 16 : XRL_PASS;
}

xrl_inline xrl_packed xrl_limit_charge_fast(const struct xrl_limit *limit, xrl_packed state,
                                            __u64 now_ns, __u64 units)
{
	return limit->algorithm == XRL_FIXED ? xrl_window_charge(limit, state, now_ns, units)
	                                     : xrl_limit_charge(limit, state, now_ns, units);
}

/* Whether all of them have room at this moment. Gives the time, if it took a look at the clock. */
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

		if (units && !xrl_limit_charge_fast(&class->limits[i], state, *now_ns, units))
			return XRL_OVER_LIMIT | class->limits[i].unit << 16;
	}
	return XRL_PASS;
}

/* What has been charged, by limit: the upper half of what was written, which says in which window
 * that was, and is all that xrl_refund has to know. Or that there is nothing to be given back;
 * no fixed or sliding window looks like that, and a token bucket only once in 2^32 times. */
#define XRL_NOT_CHARGED (~0U)

struct xrl_receipt {
	__u32 charged[XRL_MAX_LIMITS];
};

xrl_inline void xrl_refund_all(struct xrl_bucket *bucket, const struct xrl_class *class,
                               const struct xrl_cost *cost, const struct xrl_receipt *receipt)
{
	for (__u32 i = 0; i < XRL_MAX_LIMITS; i++)
		if (receipt->charged[i] != XRL_NOT_CHARGED)
			xrl_refund(&bucket->windows[i], &class->limits[i],
			           (__u64)receipt->charged[i] << 32,
			           xrl_cost_units(cost, &class->limits[i]));
}

/* One attempt at one window of several. 0: it failed. */
xrl_inline xrl_packed xrl_charge_window(struct xrl_bucket *bucket, const struct xrl_class *class,
                                        __u32 i, __u64 units, __u64 *now_ns)
{
	xrl_packed state = xrl_window_read(&bucket->windows[i]), next;

	if (!state && !*now_ns) {
		*now_ns = xrl_refresh(bucket, class);
		if (!*now_ns)
			return 0;
	}
	next = xrl_limit_charge_fast(&class->limits[i], state, *now_ns, units);
	if (!next || !xrl_window_swap(&bucket->windows[i], state, next))
		return 0;
	return next;
}

/* One attempt at all windows together: all of them are asked first, and only then charged. */
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

XRL_GLOBAL_FUNC __u32 xrl_retry_all(struct xrl_bucket *bucket, const struct xrl_class *class,
                                    const struct xrl_cost *cost)
{
	__u32 result = XRL_RETRY;

	for (int i = 0; i < XRL_ATTEMPTS * XRL_ROUNDS && (__u16)result == XRL_RETRY; i++)
		result = xrl_try_all(bucket, class, cost);
	return result;
}

/* Charges a packet to a source's limits: an xrl_result, and when it is XRL_OVER_LIMIT above it the
 * unit of the limit that refused: one number, since a function that is checked by itself returns
 * no more. XRL_RETRY: other CPUs were always faster. */
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
