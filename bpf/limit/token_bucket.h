/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Token bucket: the arithmetic of one limit. No packets, maps or clocks.
 *
 * This is the Generic Cell Rate Algorithm (ITU-T I.371, annex A): every unit takes period / N, and
 * the state is the moment at which all admitted units will have been paid for. It may lie ahead by
 * no more than a full bucket (max_units) takes:
 *
 *      now                      state      now + bucket
 *       |<----- used ------------->|<- room ->|
 *
 * Time is counted in 2^-token_shift ns, modulo 2^64. The shift, at most 30, is chosen such that a
 * bucket is less than a quarter of that range; half of the range is then at least 8 s, and a state
 * that was not refreshed for so long has expired anyway (source_limits.h). The time of one unit is
 * rounded up, so that at most N are admitted per period. The error is less than one part in
 * token_cost, which is 2^30 for each ns that a unit takes, and at least 2^61 / max_units: one in
 * 10^8 for 10^10 units per second, and one in 2^11 for a bucket of 10^15. */

#include "bpf/limit/fixed_window.h"

#define XRL_TOKEN_MAX_SHIFT 30

/* Time until all units are paid for, in 2^-token_shift ns. */
xrl_inline __u64 xrl_token_ahead(const struct xrl_limit *limit, xrl_packed state, __u64 now_ns)
{
	__s64 ahead = state - (now_ns << limit->token_shift);

	return state && ahead > 0 ? ahead : 0;
}

xrl_inline int xrl_token_is_expired(const struct xrl_limit *limit, xrl_packed state, __u64 now_ns)
{
	return !xrl_token_ahead(limit, state, now_ns);
}

/* Time that a full bucket takes, in 2^-token_shift ns. */
xrl_inline __u64 xrl_token_bucket(const struct xrl_limit *limit)
{
	return limit->max_units * limit->token_cost;
}

/* The same in ns, rounded up. */
xrl_inline __u64 xrl_token_full_ns(const struct xrl_limit *limit, xrl_packed state, __u64 now_ns)
{
	__u64 ahead = xrl_token_ahead(limit, state, now_ns);

	return (ahead >> limit->token_shift) + 1;
}

/* Units that there is no room for, partly paid ones included. */
xrl_inline __u64 xrl_token_used(const struct xrl_limit *limit, xrl_packed state, __u64 now_ns)
{
	__u64 ahead = xrl_token_ahead(limit, state, now_ns);

	return (ahead + limit->token_cost - 1) / limit->token_cost;
}

/* Returns the state after `units` more, or 0 if the limit would be exceeded. Four values are
 * reserved, 0 here and the highest three in bucket/scoped.h; the state skips them, by up to four
 * units of time. */
xrl_inline xrl_packed xrl_token_charge(const struct xrl_limit *limit, xrl_packed state,
                                       __u64 now_ns, __u64 units)
{
	__u64 used = xrl_token_ahead(limit, state, now_ns), next;

	if (units > limit->max_units || used + units * limit->token_cost > xrl_token_bucket(limit))
		return 0;
	next = (now_ns << limit->token_shift) + used + units * limit->token_cost;
	return next + 3 < 4 ? 1 : next;
}

/* Without the units of a packet that wrote `charged`. Refunds only what is not paid for yet: by now
 * the rest would be available without that packet, too. */
xrl_inline xrl_packed xrl_token_refund(const struct xrl_limit *limit, xrl_packed state,
                                       xrl_packed charged, __u64 now_ns, __u64 units)
{
	__u64 unpaid = xrl_token_ahead(limit, charged, now_ns), cost = units * limit->token_cost;

	return state ? state - (unpaid < cost ? unpaid : cost) : 0;
}

/* Further ahead than any packet under this limit can have set it. */
xrl_inline int xrl_token_is_stale_write(const struct xrl_limit *limit, xrl_packed state,
                                        __u64 now_ns)
{
	return xrl_token_ahead(limit, state, now_ns) >
	       xrl_token_bucket(limit) + (XRL_MAX_AHEAD_NS << limit->token_shift);
}
