/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The residents filter: tells which sources may have a bucket, without a lookup in `buckets`, which
 * for an unknown source would cost more than the rest of the gate. False positives cost such a
 * lookup; false negatives make a resident a candidate for one packet. */

#include "bpf/gate/pressure.h"
#include "bpf/gate/resident_bits.h"
#include "bpf/gate/set.h"

/* The epoch matters only for residents, so this may be a call. */
XRL_GLOBAL_FUNC int resident_since(const struct xrl_gate_line *set, __u64 bits)
{
	return set ? xrl_is_resident(set, flood.epoch, bits) : 1;
}

/* Returns 0 if the source has no bucket as far as known, 1 if it was added in this epoch, 2 if only
 * in an older one. */
static __always_inline int maybe_resident(const struct xrl_address *source)
{
	__u32 hash = gate_hash(source);
	struct xrl_gate_line *set = gate_set(hash);
	__u64 bits = xrl_resident_bits(hash);

	if (set && !xrl_maybe_resident(set, bits))
		return 0;
	return resident_since(set, bits);
}

#define RESIDENTS_ADD_ATTEMPTS 2

/* Adds a source, when it is given a bucket and now and then while it uses it (xrl_is_readd_due). A
 * failed attempt is repeated with a later packet. */
XRL_GLOBAL_FUNC int residents_add(const struct xrl_address *source)
{
	struct xrl_gate_line *set;
	struct xrl_address key;
	__u64 bits;
	__u32 hash;

	if (!source)
		return 0;
	key = *source;
	hash = gate_hash(&key);
	set = gate_set(hash);
	if (!set)
		return 0;
	bits = xrl_resident_bits(hash);
	XRL_UNROLL
	for (int i = 0; i < RESIDENTS_ADD_ATTEMPTS; i++)
		if (xrl_try_add_resident(set, flood.epoch, bits))
			break;
	return 0;
}

/* Done once, by the first CPU whose insertion count reaches the epoch; delayed CPUs find it done.
 * The epoch is written before its start: a bucket refreshed in between may miss the epoch, but its
 * refresh is not later than the start, so it is added with its next refresh. If the CPU is delayed
 * for a tick after reading the clock, buckets refreshed meanwhile are missed as well. They keep
 * their bits of older epochs and are added again within 69 s. */
static __always_inline void begin_epoch(__u32 seen, __u32 epoch)
{
	if (__sync_val_compare_and_swap(&flood.epoch, seen, epoch) == seen)
		*(volatile __u32 *)&flood.epoch_began_ticks = xrl_checked_now(xrl_boot_ns());
}

/* Two complete epochs hold as many insertions as there are buckets: by then the LRU map may have
 * evicted every source not used since. */
static __always_inline void count_insertion(void)
{
	__u64 insertions = __sync_fetch_and_add(&flood.insertions, 1) + 1;
	__u32 seen = *(volatile __u32 *)&flood.epoch, epoch;

	if (!flood.sources)
		return;
	epoch = insertions * (XRL_GATE_EPOCHS - 1) / flood.sources;
	if ((__s32)(epoch - seen) > 0)
		begin_epoch(seen, epoch);
}
