/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Who has a bucket, as the gate knows it: without a look-up in the map of buckets, which for an
 * unknown source would cost more than all the rest. */

#include "bpf/gate/pressure.h"
#include "bpf/gate/resident_bits.h"
#include "bpf/gate/set.h"

/* Of no more sources than that it has to be told in which epoch; then it may be a call. */
XRL_GLOBAL_FUNC int resident_since(const struct xrl_gate_line *set, __u64 bits)
{
	return set ? xrl_is_resident(set, flood.epoch, bits) : 1;
}

static __always_inline int maybe_resident(const struct xrl_address *source)
{
	__u32 hash = gate_hash(source);
	struct xrl_gate_line *set = gate_set(hash);
	__u64 bits = xrl_resident_bits(hash);

	if (set && !xrl_maybe_resident(set, bits))
		return 0;
	return resident_since(set, bits);
}

/* When it is given a bucket, and now and then while it uses it (xrl_is_readd_due). Who fails is
 * marked another time. */
#define RESIDENTS_ADD_ATTEMPTS 2

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

/* Once, by the first CPU that counts so far; who was held up on the way there is late. In this
 * order: who looks in between may not be marked, but its look is no later than what is written
 * here, so it is marked with the next one. A CPU that is held up for a tick after it has read the
 * clock leaves out who looks meanwhile. They have their marks of older epochs, and are marked again
 * before long (xrl_is_readd_due). */
static __always_inline void begin_epoch(__u32 seen, __u32 epoch)
{
	if (__sync_val_compare_and_swap(&flood.epoch, seen, epoch) == seen)
		*(volatile __u32 *)&flood.epoch_began_ticks = xrl_checked_now(xrl_boot_ns());
}

/* Two whole epochs are as many new buckets as there are: the LRU map has had time to forget
 * everybody. */
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
