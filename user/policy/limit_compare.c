// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/policy/limit_compare.h"

#include <stddef.h>

typedef unsigned __int128 wide;

/* Every unit that `limit` counts, `other` counts too, in a bucket shared by at least as many
 * sources. */
static bool covers(const struct xrl_limit *other, const struct xrl_limit *limit)
{
	if (other->unit != limit->unit || other->scope_bits > limit->scope_bits)
		return false;
	return !other->endpoint_protocol ||
	       (other->endpoint_protocol == limit->endpoint_protocol &&
	        other->first_port <= limit->first_port && other->last_port >= limit->last_port);
}

/* The windows of both begin and end together, because the same units open them. */
static bool keep_step(const struct xrl_limit *one, const struct xrl_limit *other)
{
	return one->algorithm == other->algorithm && one->algorithm != XRL_TOKEN &&
	       one->period_ns == other->period_ns && one->scope_bits == other->scope_bits &&
	       one->endpoint_protocol == other->endpoint_protocol &&
	       one->first_port == other->first_port && one->last_port == other->last_port;
}

/* The most that passes at once; after that, rate_units pass in each period. Two windows may be
 * adjacent. */
static wide burst_of(const struct xrl_limit *limit)
{
	return limit->algorithm == XRL_TOKEN ? limit->max_units : (wide)2 * limit->max_units;
}

/* The most that passes in any span of this length, partial windows and units included. */
static wide most_in(const struct xrl_limit *limit, wide span_ns)
{
	return burst_of(limit) +
	       (span_ns * limit->rate_units + limit->period_ns - 1) / limit->period_ns;
}

static bool is_slower(const struct xrl_limit *one, const struct xrl_limit *other)
{
	return (wide)one->rate_units * other->period_ns <= (wide)other->rate_units * one->period_ns;
}

bool limit_always_first(const struct xrl_limit *other, const struct xrl_limit *limit)
{
	if (!covers(other, limit))
		return false;
	if (keep_step(other, limit) && other->max_units <= limit->max_units)
		return true;
	switch (limit->algorithm) {
	case XRL_TOKEN:
		return is_slower(other, limit) && burst_of(other) <= limit->max_units;
	case XRL_SLIDING: /* two of the windows count */
		return most_in(other, (wide)2 * limit->period_ns) <= limit->max_units;
	default:
		return most_in(other, limit->period_ns) <= limit->max_units;
	}
}
