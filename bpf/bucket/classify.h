/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The bucket of a source, resolved for the policy and the permits in force. */

#include "bpf/gate/residents.h"
#include "bpf/limit/source_limits.h"
#include "bpf/maps.h"
#include "bpf/parse/packet.h"

/* The policy as one packet sees it. */
struct policy {
	const struct xrl_class *class; /* of the packet's source, once that is known */
	__u32 class_number;
	__u32 generation; /* its lowest bit names the copy */
};

static __always_inline __u32 current_generation(void)
{
	return *(const volatile __u32 *)&meta.generation;
}

static __always_inline const struct xrl_policy *policy_of(__u32 generation)
{
	return &policies[generation & 1];
}

/* The barrier is for the verifier: the compiler, who knows what the functions that are checked by
 * themselves return, would leave the mask out. */
static __always_inline void choose_class(struct policy *policy, __u32 number)
{
	asm volatile("" : "+r"(number));
	number &= XRL_MAX_CLASSES - 1;
	policy->class_number = number;
	policy->class = &policy_of(policy->generation)->classes[number];
}

/* False: there is none yet. */
static __always_inline int read_policy(struct policy *policy)
{
	policy->generation = current_generation();
	return policy->generation != 0;
}

/* For packets without a source that could have another one. */
static __always_inline void choose_default_class(struct policy *policy)
{
	choose_class(policy, policy_of(policy->generation)->default_class);
}

/* Of a permit in force. One that has run out, but that nobody has taken away yet, is none: a
 * bucket that took it over would have to leave it again with each packet.
 *
 * Addresses by way of the stack: 6.1 takes no key from the argument of a function that it checks
 * by itself. */
static __always_inline __u64 permit_expires_ns(const struct xrl_address *source)
{
	struct xrl_address key = *source;
	const struct xrl_permit *permit = bpf_map_lookup_elem(&permits, &key);
	__u64 expires_ns = permit ? *(const volatile __u64 *)&permit->until_boot_ns : 0;

	return expires_ns && expires_ns > xrl_boot_ns() ? expires_ns : 0;
}

/* By the longest prefix, in the copy of the policy that belongs to this generation. */
static __always_inline __u32 class_by_address(const struct xrl_address *source, __u32 generation)
{
	struct xrl_cidr key = {.prefix_bits = 32, .address = *source};
	__u32 copy = generation & 1, *number;
	void *tree = bpf_map_lookup_elem(&cidrs, &copy);

	number = tree ? bpf_map_lookup_elem(tree, &key) : NULL;
	return number ? *number : policy_of(generation)->default_class;
}

/* Its permit, if it has one in force and that has a class of its own, comes first. */
static __always_inline __u32 class_of(const struct xrl_address *source, __u64 permit_expires_ns,
                                      __u32 generation)
{
	__u32 permitted = policy_of(generation)->permitted_class;

	if (permitted < XRL_MAX_CLASSES && permit_expires_ns)
		return permitted;
	return class_by_address(source, generation) & (XRL_MAX_CLASSES - 1);
}

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

static __always_inline int is_stale(const struct xrl_limit *limit, xrl_packed classification)
{
	return (__s32)(limit->since_generation - (__u32)classification) > 0;
}

/* Closes the windows of limits that are no more: of another class, all. They are read between
 * two looks at the generation, so that nothing is closed that was opened after another CPU got
 * here first. */
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

/* A newer policy, or newer permits. Returns the class, by this generation of both. The permit is
 * written by compare-and-swap from what stood there before it was looked up, and then class and
 * generation likewise: of two CPUs that saw different permits, either the newer one wins or
 * the next packet resolves again.
 *
 * A CPU that is still at a packet under the old policy leaves the bucket alone once it has
 * been resolved for the new one. One race is accepted: that CPU may write a window of a limit
 * that has changed, after this has closed it. What it wrote may mean something else to the new
 * limit, so for this one source the first window under it may be up to two periods long. */
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
		return number; /* a newer policy has come meanwhile: the next packet sees to it */
	same = number == classification_class(old) && (__u32)old;
	close_stale_windows(bucket, &policy_of(generation)->classes[number], old, same);
	if (__sync_val_compare_and_swap(&bucket->permit_until_boot_ns, old_expires_ns,
	                                expires_ns) != old_expires_ns)
		return number; /* the next packet resolves again */
	new = classification_pack(number, expires_ns, generation);
	if (same && !is_stale(&policy_of(generation)->classes[number].penalty, old))
		new |= old & ~((1ULL << XRL_CLASSIFICATION_BITS) - 1);
	if (xrl_classification_swap(bucket, old, new))
		return number;
	/* Another CPU was done in between, perhaps with newer permits, and found what stood
	 * there unchanged: what this one has written over it is looked up again. */
	__sync_val_compare_and_swap(&bucket->permit_until_boot_ns, expires_ns,
	                            permit_expires_ns(source));
	return number;
}

/* That it had one is forgotten only by whoever ends it: a renewed one stands there by now. */
static __always_inline void permit_clear(struct xrl_bucket *bucket, xrl_packed classification,
                                         __u64 expires_ns)
{
	if (__sync_val_compare_and_swap(&bucket->permit_until_boot_ns, expires_ns, 0) == expires_ns)
		xrl_classification_swap(bucket, classification,
		                        classification & ~XRL_CLASSIFICATION_PERMIT);
}

/* The permit has run out, and with it the class that goes with it. The class is written first:
 * until then every CPU finds the permit that has run out there, and comes here itself. Of two that
 * are here the later one finds it done, and closes no window that the other one has opened.
 * Returns the class. */
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
	/* a newer policy or newer permits have come meanwhile: the next packet sees to it */
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

/* In force to the nanosecond. What has run out is forgotten, unless it was just renewed. */
static __always_inline int has_permit(struct xrl_bucket *bucket, const struct xrl_address *source,
                                      struct policy *policy)
{
	xrl_packed classification = xrl_classification_read(bucket);
	__u64 expires_ns;

	/* another CPU may be about to write the word of this generation */
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
