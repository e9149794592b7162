/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The fast path. */

#include "bpf/bucket/reject_cache.h"
#include "bpf/parse/common_frame.h"
#include "bpf/verdict/action.h"
#include "bpf/verdict/simple.h"

/* XRL_RETRY, unless the bucket is resolved for this policy, there is no permit, and the class is
 * plain. */
static __always_inline enum xrl_result charge_fast(struct xrl_bucket *bucket, struct policy *policy,
                                                   const struct xrl_address *source)
{
	xrl_packed classification = xrl_classification_read(bucket);

	if ((__u32)classification != policy->generation ||
	    classification & XRL_CLASSIFICATION_PERMIT)
		return XRL_RETRY;
	choose_class(policy, classification_class(classification));
	return policy->class->is_plain ? charge_simple(bucket, policy->class, source, 1)
	                               : XRL_RETRY;
}

#define VERDICT_UNDECIDED XDP_ABORTED

/* VERDICT_UNDECIDED: it isn't as usual as that, and the general way decides. That is told of a
 * bucket that was found; a source without one is looked up again, which is little beside making
 * one. */
static __always_inline int limit_fast(struct xdp_md *ctx, const struct common_frame *common,
                                      __u32 generation, struct xrl_bucket **bucket)
{
	struct policy policy = {.generation = generation};
	struct reject_entry *entry = reject_cache_entry();
	enum xrl_result result;

	if (reject_cache_hit(entry, &common->source, generation)) {
		choose_class(&policy, entry->class_number);
		return reject(ctx, &policy, XRL_REASON_packets_limit, common->frame_bytes);
	}
	if (engaged_until())
		return VERDICT_UNDECIDED;
	*bucket = bpf_map_lookup_elem(&buckets, &common->source);
	result = *bucket ? charge_fast(*bucket, &policy, &common->source) : XRL_RETRY;
	if (result == XRL_OVER_LIMIT) {
		reject_cache_update(entry, &common->source, &policy, *bucket);
		return reject(ctx, &policy, XRL_REASON_packets_limit, common->frame_bytes);
	}
	if (result != XRL_PASS)
		return VERDICT_UNDECIDED;
	counter_add(XRL_passed_within_limits, common->frame_bytes);
	return XDP_PASS;
}
