/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The arithmetic of a token bucket: no packet, no map and no clock in it.
 *
 * As the Generic Cell Rate Algorithm (ITU-T I.371, annex A) has it: every unit takes period / N,
 * and the word is the moment at which all units that were admitted will have been paid for. It
 * may lie ahead by no more than a whole bucket (max_units) takes:
 *
 *      now                       word      now + bucket
 *       |<----- used ------------->|<- room ->|
 *
 * Time is counted in units of 2^-token_shift ns, modulo 2^64. The shift is such that a bucket is
 * less than a quarter of the circle, and at most 30, so that half the circle is 8 s at the least:
 * what nobody has looked at for so long is over anyway (limits.h). The time of one unit is
 * rounded up, so that no more than N are admitted in a period: by less than one part in
 * token_cost, which is 2^30 for each ns that a unit takes, or 2^61 / max_units at the least. That
 * is one in 10^8 for 10^10 units a second, and one in 2^11 for a bucket of 10^15. */

#include "bpf/limit/fixed_window.h"

#define XRL_TOKEN_MAX_SHIFT 30

/* How far ahead the word is. 0: all is paid for. */
xrl_inline __u64 xrl_token_ahead(const struct xrl_limit *limit, xrl_packed state, __u64 now_ns)
{
	__s64 ahead = state - (now_ns << limit->token_shift);

	return state && ahead > 0 ? ahead : 0;
}

xrl_inline int xrl_token_is_expired(const struct xrl_limit *limit, xrl_packed state, __u64 now_ns)
{
	return !xrl_token_ahead(limit, state, now_ns);
}

xrl_inline __u64 xrl_token_bucket(const struct xrl_limit *limit)
{
	return limit->max_units * limit->token_cost;
}

/* How long until all is paid for. */
xrl_inline __u64 xrl_token_full_ns(const struct xrl_limit *limit, xrl_packed state, __u64 now_ns)
{
	__u64 ahead = xrl_token_ahead(limit, state, now_ns);

	return (ahead >> limit->token_shift) + 1;
}

/* Units that there is no room for, begun ones included. */
xrl_inline __u64 xrl_token_used(const struct xrl_limit *limit, xrl_packed state, __u64 now_ns)
{
	__u64 ahead = xrl_token_ahead(limit, state, now_ns);

	return (ahead + limit->token_cost - 1) / limit->token_cost;
}

/* What is to be written in place of `word`. 0: refused. Some values have a meaning of their own
 * (0 here, the highest three in separate.h): instead of these, a moment up to four units later. */
xrl_inline xrl_packed xrl_token_charge(const struct xrl_limit *limit, xrl_packed state,
                                       __u64 now_ns, __u64 units)
{
	__u64 used = xrl_token_ahead(limit, state, now_ns), next;

	if (units > limit->max_units || used + units * limit->token_cost > xrl_token_bucket(limit))
		return 0;
	next = (now_ns << limit->token_shift) + used + units * limit->token_cost;
	return next + 3 < 4 ? 1 : next;
}

/* Without so many units of a packet that made it `mine`. Only what isn't paid for yet is given
 * back: by now the rest would have been there without the packet, too. */
xrl_inline xrl_packed xrl_token_refund(const struct xrl_limit *limit, xrl_packed state,
                                       xrl_packed charged, __u64 now_ns, __u64 units)
{
	__u64 unpaid = xrl_token_ahead(limit, charged, now_ns), cost = units * limit->token_cost;

	return state ? state - (unpaid < cost ? unpaid : cost) : 0;
}

/* Further ahead than any packet under this limit can have put it. */
xrl_inline int xrl_token_is_stale_write(const struct xrl_limit *limit, xrl_packed state,
                                        __u64 now_ns)
{
	return xrl_token_ahead(limit, state, now_ns) >
	       xrl_token_bucket(limit) + (XRL_MAX_AHEAD_NS << limit->token_shift);
}
