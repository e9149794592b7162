/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Fast path. Most packets need only their source address and length, and their bucket either has
 * room or is full. Those are decided here without a function call; everything else takes the slow
 * path (verdict.h), which would reach the same verdict. */

#include "bpf/bucket/reject_cache.h"
#include "bpf/parse/common_frame.h"
#include "bpf/verdict/action.h"
#include "bpf/verdict/simple.h"

/* Returns XRL_RETRY unless the bucket is classified under this policy, has no permit, and its class
 * is simple. */
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

/* Returns VERDICT_UNDECIDED if the slow path has to decide. It is told of a bucket that was found;
 * a source without one is looked up again, which costs little beside an insertion. */
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
