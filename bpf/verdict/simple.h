/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Charging a simple class, with one fixed window of packets and nothing else, and keeping sources
 * with a bucket in the residents filter. */

#include "bpf/gate/residents.h"
#include "bpf/limit/source_limits.h"

static __always_inline __u32 read_checked(const struct xrl_bucket *bucket)
{
	return *(const volatile __u32 *)&bucket->checked_ticks;
}

static __always_inline void residents_readd_if_due(const struct xrl_address *source,
                                                   const struct xrl_bucket *bucket,
                                                   __u32 checked_before)
{
	if (xrl_is_readd_due(checked_before, read_checked(bucket),
	                     *(const volatile __u32 *)&flood.epoch_began_ticks))
		residents_add(source);
}

/* xrl_refresh_simple by a call. */
XRL_GLOBAL_FUNC __u32 refresh_simple(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	return xrl_refresh_simple(bucket, class);
}

/* For a simple class. Returns XRL_RETRY if that cannot decide. The refresh in line is faster, but
 * costs the verifier more. */
static __always_inline enum xrl_result charge_simple(struct xrl_bucket *bucket,
                                                     const struct xrl_class *class,
                                                     const struct xrl_address *source, int in_line)
{
	enum xrl_result result = xrl_try_simple(bucket, class);
	__u32 checked;

	if (result == XRL_RETRY) {
		checked = read_checked(bucket);
		result =
			in_line ? xrl_refresh_simple(bucket, class) : refresh_simple(bucket, class);
		residents_readd_if_due(source, bucket, checked);
	}
	return result;
}
