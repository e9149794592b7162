/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A packet and the bucket of its source, in a class with no more than one fixed bucket of packets,
 * such as the default; and that who uses a bucket stays known to the gate. */

#include "bpf/gate/residents.h"
#include "bpf/limit/source_limits.h"

static __always_inline __u32 read_checked(const struct xrl_bucket *bucket)
{
	return *(const volatile __u32 *)&bucket->checked_ticks;
}

static __always_inline void mark_if_due(const struct xrl_address *source,
                                        const struct xrl_bucket *bucket, __u32 checked_before)
{
	if (xrl_is_mark_due(checked_before, read_checked(bucket),
	                    *(const volatile __u32 *)&flood.epoch_began_ticks))
		mark_known(source);
}

XRL_SUBPROGRAM __u32 look_plain(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	return xrl_look_plain(bucket, class);
}

/* Of a plain class. XRL_AGAIN: it isn't as simple as that. The look in line costs less time, and
 * the verifier more. */
static __always_inline enum xrl_answer charge_plain(struct xrl_bucket *bucket,
                                                    const struct xrl_class *class,
                                                    const struct xrl_address *source, int in_line)
{
	enum xrl_answer answer = xrl_try_plain(bucket, class);
	__u32 checked;

	if (answer == XRL_AGAIN) {
		checked = read_checked(bucket);
		answer = in_line ? xrl_look_plain(bucket, class) : look_plain(bucket, class);
		mark_if_due(source, bucket, checked);
	}
	return answer;
}
