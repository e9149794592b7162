/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A packet and the bucket of its source, in a class with no more than one fixed bucket of packets,
 * such as the default; and that who uses a bucket stays known to the gate. */

#include "known.h"
#include "limits.h"

/* Who uses its bucket is marked anew every 2^8 of the ticks in which it notes when it looked at the
 * clock, 8.6 s: without a flood no two epochs are as short. */
#define REMARK_SHIFT 8

static __always_inline __u32 read_checked(const struct xrl_bucket *bucket)
{
	return *(const volatile __u32 *)&bucket->checked_ticks;
}

static __always_inline void mark_if_due(const struct xrl_address *source,
                                        const struct xrl_bucket *bucket, __u32 checked_before)
{
	if ((read_checked(bucket) ^ checked_before) >> REMARK_SHIFT)
		mark_known(source);
}

/* Of a plain class. XRL_AGAIN: it isn't as simple as that. */
static __always_inline enum xrl_answer charge_plain(struct xrl_bucket *bucket,
                                                    const struct xrl_class *class,
                                                    const struct xrl_address *source)
{
	enum xrl_answer answer = xrl_try_plain(bucket, class);
	__u32 checked;

	if (answer == XRL_AGAIN) {
		checked = read_checked(bucket);
		answer = xrl_look_plain(bucket, class);
		mark_if_due(source, bucket, checked);
	}
	return answer;
}
