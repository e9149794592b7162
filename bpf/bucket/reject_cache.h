/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Reject cache: a negative cache of one entry per CPU. Each CPU remembers the last source it
 * rejected and drops the rest of that source's packets without a map lookup, which is most of a
 * drop's cost, until the jiffy ends.
 *
 * The verdict is the one that the bucket would give. In a simple class, a full window stays full
 * until it expires, and in a jiffy in which the bucket is fresh (bpf/limit/source_limits.h) it does
 * not. Other classes do not use the cache: with several limits another one may be the first to
 * reject, and with other units a smaller packet may fit. Every new policy and permit has a new
 * generation. Only if its bucket was evicted meanwhile would the source pass. The bucket is looked
 * up once per jiffy, so that the LRU map sees it in use. */

#include "bpf/bucket/active_policy.h"
#include "bpf/bucket/permit_lookup.h"
#include "bpf/limit/refresh.h"

/* The generation is cleared first and written last. A CPU runs one XDP program at a time. */
#define barrier() asm volatile("" ::: "memory")

#define XRL_REJECT_CACHE_CPUS 256 /* CPUs beyond have no cache */

/* A cache line per CPU, in a variable, which is found without a lookup. Zero matches no packet: no
 * policy has generation 0. */
struct reject_entry {
	__u32 source;
	__u32 generation; /* 0: rejected once, not cached yet */
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

/* The mask and both xrl_forget are for the verifier of 6.1, which loses a bound that the compiler
 * tests in one register and uses in another. */
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

/* All 64 bits, so that an old entry never matches after the low bits wrap around. */
static __always_inline int reject_cache_hit(const struct reject_entry *entry,
                                            const struct xrl_address *source, __u32 generation)
{
	return entry && entry->source == address_word(source) && entry->generation == generation &&
	       entry->jiffy == bpf_jiffies64();
}

/* True if the window is full until the end of this jiffy. The packet's own verdict does not prove
 * that: another CPU may have closed the window since. The order of the reads matters: windows of
 * older limits are closed before the generation is written, and a window found in a fresh bucket is
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

/* Fills in the entry for the source that it names, after a second rejection. Looks up the permit
 * itself, after reading the generation: a later permit has a newer generation, while the bucket's
 * copy may just be changing on another CPU. */
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

/* Call after a rejection by a packet limit. Sources that alternate only replace
 * each other: neither is cached. */
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
