/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The permit of a bucket, and what happens when it expires. */

#include "bpf/bucket/classify.h"

/* Clears the flag only if this CPU cleared the permit: a renewed one may stand there by now. */
static __always_inline void permit_clear(struct xrl_bucket *bucket, xrl_packed classification,
                                         __u64 expires_ns)
{
	if (__sync_val_compare_and_swap(&bucket->permit_until_boot_ns, expires_ns, 0) == expires_ns)
		xrl_classification_swap(bucket, classification,
		                        classification & ~XRL_CLASSIFICATION_PERMIT);
}

/* A permit has expired, and with it the class that it gave. The class is written first: until then
 * every CPU finds the expired permit and comes here itself. The later of two CPUs finds it done and
 * closes no window that the other one opened. Returns the new class. */
XRL_GLOBAL_FUNC int permit_expire(struct xrl_bucket *bucket, const struct xrl_address *source,
                                  __u32 generation, __u64 expires_ns)
{
	struct xrl_address key;
	__u32 number;
	xrl_packed old;

	if (!bucket || !source)
		return 0;
	key = *source;
	old = __sync_fetch_and_add((xrl_packed *)&bucket->resolved, 0);
	number = class_by_address(&key, generation) & (XRL_MAX_CLASSES - 1);
	/* a newer policy or newer permits were activated: left to the next packet */
	if ((__u32)old != generation)
		return number;
	if (classification_class(old) == number) {
		permit_clear(bucket, old, expires_ns);
		return number;
	}
	close_stale_windows(bucket, &policy_of(generation)->classes[number], old, 0);
	xrl_classification_swap(bucket, old, classification_pack(number, 0, generation));
	__sync_val_compare_and_swap(&bucket->permit_until_boot_ns, expires_ns, 0);
	return number;
}

/* True until the nanosecond of expiry. Clears an expired permit unless it was just renewed. */
static __always_inline int has_permit(struct xrl_bucket *bucket, const struct xrl_address *source,
                                      struct policy *policy)
{
	xrl_packed classification = xrl_classification_read(bucket);
	__u64 expires_ns;

	/* another CPU may be about to write this generation's classification */
	if (!(classification & XRL_CLASSIFICATION_PERMIT) &&
	    (__u32)classification == policy->generation)
		return 0;
	expires_ns = xrl_read_after(&bucket->permit_until_boot_ns);
	if (xrl_boot_ns() < expires_ns)
		return 1;
	if (policy->class_number == policy_of(policy->generation)->permitted_class)
		choose_class(policy, permit_expire(bucket, source, policy->generation, expires_ns));
	else if ((__u32)classification == policy->generation)
		permit_clear(bucket, classification, expires_ns);
	return 0;
}
