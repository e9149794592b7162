/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The bucket of a source, resolved for the policy and the permits in force. */

#include "limits.h"
#include "maps.h"

/* The policy as one packet sees it. */
struct policy {
	const struct xrl_class *class;
	__u32 copy;
	__u32 generation;
};

static __always_inline __u32 current_generation(void)
{
	return *(const volatile __u32 *)&meta.generation;
}

static __always_inline int read_policy(struct policy *policy)
{
	policy->generation = current_generation();
	policy->copy = policy->generation & 1;
	policy->class = bpf_map_lookup_elem(&classes, &policy->copy);
	return policy->generation && policy->class;
}

/* By way of the stack: 6.1 takes no key from the argument of a function that it checks by
 * itself. */
static __always_inline __u64 permit_until_ns(const struct xrl_address *source)
{
	struct xrl_address key = *source;
	const struct xrl_permit *permit = bpf_map_lookup_elem(&permits, &key);

	return permit ? *(const volatile __u64 *)&permit->until_boot_ns : 0;
}

/* Closes the windows of limits that are no more. They are read between two looks at the
 * generation, so that nothing is closed that was opened after another CPU got here first. */
static __always_inline void drop_old_windows(struct xrl_bucket *bucket,
                                             const struct xrl_class *class, __u32 generation)
{
	xrl_word words[XRL_WINDOWS];
	int i;

	for (i = 0; i < XRL_WINDOWS; i++)
		words[i] = xrl_window_read(&bucket->windows[i]);
	if (__sync_fetch_and_add(&bucket->generation, 0) != generation)
		return;
	for (i = 0; i < XRL_WINDOWS; i++)
		if ((__s32)(class->limits[i].since_generation - generation) > 0)
			xrl_window_swap(&bucket->windows[i], words[i], 0);
}

/* A newer policy, or newer permits. The permit is written by compare-and-swap from what
 * stood there before it was looked up, and then the generation likewise: of two CPUs that
 * saw different permits, either the newer one wins or the next packet resolves again.
 *
 * A CPU that is still at a packet under the old policy leaves the bucket alone once it has
 * been resolved for the new one. One race is accepted: that CPU may write a window of a limit
 * that has changed, after this has closed it. Its ticks mean nothing to the new limit, so for
 * this one source the first window under it may be up to two periods long. */
XRL_SUBPROGRAM int resolve(struct xrl_bucket *bucket, const struct xrl_address *source,
                           const struct xrl_class *class, __u32 generation)
{
	__u64 old_until_ns, until_ns;
	__u32 old_generation;

	if (!bucket || !source || !class)
		return 0;
	old_generation = __sync_fetch_and_add(&bucket->generation, 0);
	if (current_generation() != generation)
		return 0; /* a newer policy has come meanwhile: the next packet sees to it */
	old_until_ns = *(volatile __u64 *)&bucket->permit_until_boot_ns;
	drop_old_windows(bucket, class, old_generation);
	until_ns = permit_until_ns(source);
	if (__sync_val_compare_and_swap(&bucket->permit_until_boot_ns, old_until_ns, until_ns) !=
	    old_until_ns)
		return 0; /* the next packet resolves again */
	if (__sync_val_compare_and_swap(&bucket->generation, old_generation, generation) ==
	    old_generation)
		return 0;
	/* Another CPU was done in between, perhaps with newer permits, and found what stood
	 * there unchanged: what this one has written over it is looked up again. */
	__sync_val_compare_and_swap(&bucket->permit_until_boot_ns, until_ns,
	                            permit_until_ns(source));
	return 0;
}

XRL_SUBPROGRAM int add_bucket(const struct xrl_address *source, __u32 generation)
{
	struct xrl_bucket bucket = {.generation = generation};
	struct xrl_address key;

	if (!source)
		return 0;
	key = *source;
	/* adds nothing: the permit isn't looked up before the generation was read */
	__sync_fetch_and_add(&bucket.generation, 0);
	bucket.permit_until_boot_ns = permit_until_ns(source);
	return bpf_map_update_elem(&buckets, &key, &bucket, BPF_NOEXIST);
}

/* NULL when there is none to be had. */
static __always_inline struct xrl_bucket *bucket_of(const struct xrl_address *source,
                                                    const struct policy *policy)
{
	struct xrl_bucket *bucket = bpf_map_lookup_elem(&buckets, source);

	if (!bucket) {
		/* then look up again: another CPU may have been first, and its bucket counts */
		add_bucket(source, policy->generation);
		return bpf_map_lookup_elem(&buckets, source);
	}
	if (bucket->generation != policy->generation)
		resolve(bucket, source, policy->class, policy->generation);
	return bucket;
}

/* In force to the nanosecond. What has run out is forgotten, unless it was just renewed. */
static __always_inline int has_permit(struct xrl_bucket *bucket)
{
	__u64 until_ns = *(volatile __u64 *)&bucket->permit_until_boot_ns;

	if (!until_ns)
		return 0;
	if (xrl_boot_ns() < until_ns)
		return 1;
	__sync_val_compare_and_swap(&bucket->permit_until_boot_ns, until_ns, 0);
	return 0;
}
