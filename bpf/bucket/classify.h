/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Classification: which class of the active policy a source belongs to, and how a bucket follows
 * when the policy or the permits change. */

#include "bpf/bucket/active_policy.h"
#include "bpf/bucket/permit_lookup.h"
#include "bpf/limit/refresh.h"

/* By longest prefix match, in this generation's copy of the policy. */
static __always_inline __u32 class_by_address(const struct xrl_address *source, __u32 generation)
{
	struct xrl_cidr key = {.prefix_bits = 32, .address = *source};
	__u32 copy = generation & 1, *number;
	void *tree = bpf_map_lookup_elem(&cidrs, &copy);

	number = tree ? bpf_map_lookup_elem(tree, &key) : NULL;
	return number ? *number : policy_of(generation)->default_class;
}

/* Returns 0 if no CIDR of the policy contains the source. */
static __always_inline int may_match_cidr(const struct xrl_policy *policy,
                                          const struct xrl_address *source)
{
	__u32 subnet = source->octets[0] << 12 | source->octets[1] << 4 | source->octets[2] >> 4;

	return xrl_has_bit(policy->networks, subnet >> (XRL_SUBNET_BITS - XRL_NETWORK_BITS),
	                   1 << XRL_NETWORK_BITS) &&
	       xrl_has_bit(policy->subnets, subnet, 1 << XRL_SUBNET_BITS);
}

/* The class of a source without a permit. For most, the bitmaps rule out every CIDR without a
 * lookup. */
static __always_inline __u32 class_of_candidate(const struct xrl_address *source, __u32 generation)
{
	const struct xrl_policy *policy = policy_of(generation);
	__u32 number = may_match_cidr(policy, source) ? class_by_address(source, generation)
	                                              : policy->default_class;

	return xrl_masked(number, XRL_MAX_CLASSES);
}

/* A permit comes first, if the policy has a class for permitted sources. */
static __always_inline __u32 class_of(const struct xrl_address *source, __u64 permit_expires_ns,
                                      __u32 generation)
{
	__u32 permitted = policy_of(generation)->permitted_class;

	if (permitted < XRL_MAX_CLASSES && permit_expires_ns)
		return permitted;
	return class_by_address(source, generation) & (XRL_MAX_CLASSES - 1);
}

/* The word of struct xrl_resolved, without a penalty. */
static __always_inline xrl_packed classification_pack(__u32 class_number, __u64 permit_expires_ns,
                                                      __u32 generation)
{
	return (__u64)class_number << XRL_CLASSIFICATION_CLASS_SHIFT | generation |
	       (permit_expires_ns ? XRL_CLASSIFICATION_PERMIT : 0);
}

static __always_inline __u32 classification_class(xrl_packed classification)
{
	return classification >> XRL_CLASSIFICATION_CLASS_SHIFT & (XRL_MAX_CLASSES - 1);
}

/* True if the limit is newer than the classification: older state belongs to another limit. */
static __always_inline int is_stale(const struct xrl_limit *limit, xrl_packed classification)
{
	return (__s32)(limit->since_generation - (__u32)classification) > 0;
}

/* Closes the windows of limits that no longer exist: all of them if the class changed. The
 * generation is checked after reading the windows, so that a window opened after another CPU's
 * reclassification is never closed. */
static __always_inline void close_stale_windows(struct xrl_bucket *bucket,
                                                const struct xrl_class *class,
                                                xrl_packed classification, int is_same_class)
{
	xrl_packed states[XRL_WINDOWS];
	int i;

	for (i = 0; i < XRL_WINDOWS; i++)
		states[i] = xrl_window_read(xrl_window_at(bucket, i));
	if (__sync_fetch_and_add((xrl_packed *)&bucket->resolved, 0) != classification)
		return;
	for (i = 0; i < XRL_WINDOWS; i++)
		if (!is_same_class || is_stale(&class->limits[i], classification))
			xrl_window_swap(xrl_window_at(bucket, i), states[i], 0);
}

/* Reclassifies a bucket for a newer policy or newer permits. Returns the class under this
 * generation.
 *
 * The permit is written first, by compare-and-swap from the value read before the lookup, then
 * class and generation likewise: of two CPUs that saw different permits, either the newer one wins
 * or the next packet reclassifies again.
 *
 * A CPU still deciding under the old policy leaves the bucket alone once it is reclassified. One
 * race is accepted: that CPU may write a window of a changed limit after this function closed it.
 * Under the new limit its state may mean something else, so for this source the first window may
 * last up to two periods. */
XRL_GLOBAL_FUNC int reclassify(struct xrl_bucket *bucket, const struct xrl_address *source,
                               __u32 generation)
{
	__u64 old_expires_ns, expires_ns;
	__u32 number, same;
	xrl_packed old, new;

	if (!bucket || !source)
		return 0;
	old = __sync_fetch_and_add((xrl_packed *)&bucket->resolved, 0);
	old_expires_ns = *(volatile __u64 *)&bucket->permit_until_boot_ns;
	expires_ns = permit_expires_ns(source);
	number = class_of(source, expires_ns, generation) & (XRL_MAX_CLASSES - 1);
	if (current_generation() != generation)
		return number; /* a newer policy was activated: left to the next packet */
	same = number == classification_class(old) && (__u32)old;
	close_stale_windows(bucket, &policy_of(generation)->classes[number], old, same);
	if (__sync_val_compare_and_swap(&bucket->permit_until_boot_ns, old_expires_ns,
	                                expires_ns) != old_expires_ns)
		return number; /* the next packet reclassifies again */
	new = classification_pack(number, expires_ns, generation);
	if (same && !is_stale(&policy_of(generation)->classes[number].penalty, old))
		new |= old & ~((1ULL << XRL_CLASSIFICATION_BITS) - 1);
	if (xrl_classification_swap(bucket, old, new))
		return number;
	/* Another CPU finished in between, perhaps with newer permits, and found them unchanged.
	 * This CPU has overwritten them: look them up again. */
	__sync_val_compare_and_swap(&bucket->permit_until_boot_ns, expires_ns,
	                            permit_expires_ns(source));
	return number;
}
