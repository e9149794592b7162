/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Refresh: read the clock, close expired windows, and record the jiffy before which no open window
 * can expire. Until then the bucket is fresh, and packets need no clock (source_limits.h). */

#include "bpf/limit/penalty.h"

/* True if no open window of the bucket can have expired. */
xrl_inline int xrl_is_fresh(const struct xrl_bucket *bucket, const struct xrl_class *class)
{
	__u32 until = *(const volatile __u32 *)&bucket->settled_until_jiffies;

	return until - xrl_jiffies() - 1 < class->settled_max_jiffies;
}

/* `slot` is the limit's index in its class. */
xrl_inline struct xrl_window *xrl_window_at(struct xrl_bucket *bucket, __u32 slot)
{
	return slot == XRL_ICMP_ERRORS ? &bucket->icmp_errors : &bucket->windows[slot];
}

/* Stores the time of a refresh in checked_ticks. Returns 0 if other CPUs were always faster. The
 * first attempt, which usually suffices, is cheaper than a call. */
xrl_inline int xrl_store_refresh_time(struct xrl_bucket *bucket, __u64 now_ns)
{
	__u32 seen = *(volatile __u32 *)&bucket->checked_ticks, now = xrl_checked_now(now_ns);

	if (seen == now)
		return 1;
	if (xrl_checked_is_past(seen, now) &&
	    __sync_val_compare_and_swap(&bucket->checked_ticks, seen, now) == seen)
		return 1;
	return xrl_advance(&bucket->checked_ticks, now_ns);
}

/* `jiffies` was read before the windows, none of which expires within open_ns. Usually none is
 * open, or all are open for long, and no division is needed. */
xrl_inline void xrl_set_fresh_until(struct xrl_bucket *bucket, const struct xrl_class *class,
                                    __u32 jiffies, __u64 open_ns)
{
	__u64 fresh_jiffies = class->settled_max_jiffies;

	if (open_ns < fresh_jiffies * class->jiffy_ns)
		fresh_jiffies = open_ns / class->jiffy_ns;
	/* A plain store may lose against another CPU's; an older deadline holds just as well. */
	*(volatile __u32 *)&bucket->settled_until_jiffies = jiffies + (__u32)fresh_jiffies;
}

/* Reads the clock, closes expired windows, and records the jiffy before which none of the open ones
 * can expire. Returns the time, or 0 if another CPU interfered and the caller must retry. */
XRL_GLOBAL_FUNC __u64 xrl_refresh(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	xrl_packed states[XRL_WINDOWS];
	__u64 now_ns, idle_ns, fresh_ns;
	__u32 jiffies, i;

	if (!bucket || !class)
		return 0;
	XRL_UNROLL
	for (i = 0; i < XRL_WINDOWS; i++)
		states[i] = xrl_window_read(xrl_window_at(bucket, i));
	jiffies = xrl_jiffies();
	idle_ns = xrl_checked_before_ns(&bucket->checked_ticks, &now_ns);

	fresh_ns = ~0ULL;
	XRL_UNROLL
	for (i = 0; i < XRL_WINDOWS; i++) {
		const struct xrl_limit *limit = &class->limits[i];
		__u64 open_ns;

		if (!states[i])
			continue;
		if (limit->algorithm == XRL_FIXED &&
		    !xrl_window_must_close(limit, states[i], idle_ns, now_ns))
			open_ns = xrl_window_remaining_ns(limit, states[i], now_ns);
		else
			open_ns = xrl_close_if_expired(xrl_window_at(bucket, i), limit, states[i],
			                               idle_ns, now_ns);
		if (open_ns < fresh_ns)
			fresh_ns = open_ns;
	}
	if (xrl_has_penalty(xrl_classification_read(bucket)))
		xrl_penalty_ns(bucket, class);
	if (!xrl_store_refresh_time(bucket, now_ns))
		return 0;

	xrl_set_fresh_until(bucket, class, jiffies, fresh_ns);
	return now_ns;
}
