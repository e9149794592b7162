/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A source that was refused a moment ago, and sends again: the rest of a flood from one
 * address. Each CPU remembers the last one until the jiffy ends, and drops what else comes from
 * it without a look-up of its bucket, which is most of what a dropped packet costs.
 *
 * It is the answer that the bucket would give. In a plain class, such as the default, what is full
 * stays so until its window ends, and in a jiffy in which the bucket is settled (limits.h) none
 * does. With several limits another one may be the first to refuse, and with other units a smaller
 * packet may have room: they do without. A new policy and new permits have a new generation. Only a
 * bucket that is evicted meanwhile would answer otherwise, as one that has forgotten. And it is
 * looked up in every jiffy, so that the LRU map sees it in use. */

#include "bpf/bucket/active_policy.h"
#include "bpf/bucket/permit_lookup.h"
#include "bpf/limit/refresh.h"

/* The generation is taken away first and written last. A CPU runs one XDP program at a time. */
#define barrier() asm volatile("" ::: "memory")

#define XRL_REJECT_CACHE_CPUS 256 /* those beyond do without */

/* A cache line for each CPU. As a variable, because finding it takes no look-up. All
 * zero matches no packet: none is judged under generation 0. */
struct reject_entry {
	__u32 source;
	__u32 generation; /* 0: refused once, which is not worth a thought yet */
	__u64 jiffy;
	__u32 class_number;
} __attribute__((aligned(64)));

static struct reject_entry reject_cache[XRL_REJECT_CACHE_CPUS];

static __always_inline __u32 address_word(const struct xrl_address *address)
{
	__u32 word;

	__builtin_memcpy(&word, address, sizeof(word));
	return word;
}

/* The mask and the two barriers are for the verifier of 6.1, which loses the bounds of a number
 * that the compiler compares here and uses there. */
static __always_inline struct reject_entry *reject_cache_entry(void)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct reject_entry *entry = NULL;

	if (cpu < XRL_REJECT_CACHE_CPUS) {
		xrl_forget(cpu);
		entry = &reject_cache[cpu & (XRL_REJECT_CACHE_CPUS - 1)];
	}
	xrl_forget(entry);
	return entry;
}

/* In all 64 bits, so that what was remembered before the jiffies went round means nothing. */
static __always_inline int reject_cache_hit(const struct reject_entry *entry,
                                            const struct xrl_address *source, __u32 generation)
{
	return entry && entry->source == address_word(source) && entry->generation == generation &&
	       entry->jiffy == bpf_jiffies64();
}

/* Full, and until the end of this jiffy. The packet's own verdict doesn't say so: another CPU
 * may have closed the window since. Read in this order: the windows of older limits are closed
 * before the generation is written; and a window that stands while the bucket is settled is
 * open. */
static __always_inline int stays_full(struct xrl_bucket *bucket, const struct xrl_class *class,
                                      __u32 generation, __u64 jiffy)
{
	__u32 until;

	if ((__u32)__sync_fetch_and_add((xrl_packed *)&bucket->resolved, 0) != generation)
		return 0;
	until = *(const volatile __u32 *)&bucket->settled_until_jiffies;
	return until - (__u32)jiffy - 1 < class->settled_max_jiffies &&
	       xrl_window_used(&class->limits[0],
	                       xrl_read_after((xrl_packed *)&bucket->windows[0])) ==
	               class->limits[0].max_units;
}

/* By the source that `last` names, not for the first time. The permit is looked up itself, after
 * the generation was read: what comes later has a newer one, and what the bucket says of it may be
 * corrected by another CPU at this moment. */
XRL_GLOBAL_FUNC int reject_cache_fill(struct reject_entry *entry, struct xrl_bucket *bucket,
                                      const struct xrl_class *class, __u32 class_number,
                                      __u32 generation)
{
	__u64 jiffy = bpf_jiffies64();
	struct xrl_address source;

	if (!entry || !bucket || !class)
		return 0;
	__builtin_memcpy(&source, &entry->source, sizeof(source));
	if (!stays_full(bucket, class, generation, jiffy) || permit_expires_ns(&source))
		return 0;
	entry->class_number = class_number;
	entry->jiffy = jiffy;
	barrier();
	entry->generation = generation;
	return 0;
}

/* After a refusal by a limit of packets. Sources that take turns aren't worth more than a note. */
static __always_inline void reject_cache_update(struct reject_entry *entry,
                                                const struct xrl_address *source,
                                                const struct policy *policy,
                                                struct xrl_bucket *bucket)
{
	if (!entry || !policy->class->is_plain)
		return;
	if (entry->source == address_word(source)) {
		reject_cache_fill(entry, bucket, policy->class, policy->class_number,
		                  policy->generation);
		return;
	}
	entry->generation = 0;
	barrier();
	entry->source = address_word(source);
}
