/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The arithmetic of the residents filter: a blocked Bloom filter that remembers, for three rotating
 * epochs, which sources were given a bucket. Each set has one 60-bit block per epoch, in one cache
 * line with its candidates. No packets, maps or clocks: unit tests compile it in user space. */

#include "bpf/limit/fixed_window.h"
#include "include/gate.h"

#define XRL_RESIDENT_BITS             60
#define XRL_EPOCH_MASK                15u
#define XRL_RESIDENT_BIT(bits, shift) (1ULL << (((bits) >> (shift)&0xFF) * XRL_RESIDENT_BITS >> 8))

/* Four of the 60 bits, taken from other hash bits than the set. With all buckets in use, the
 * false-positive rate is 2 %; each costs a wasted lookup. */
xrl_inline __u64 xrl_resident_bits(__u32 hash)
{
	__u64 bits = hash * 0x9E3779B97F4A7C15ULL;

	return XRL_RESIDENT_BIT(bits, 32) | XRL_RESIDENT_BIT(bits, 40) |
	       XRL_RESIDENT_BIT(bits, 48) | XRL_RESIDENT_BIT(bits, 56);
}

/* epoch modulo 3, by multiplication, which costs less than a division. The comparison bounds the
 * index for the verifier. */
xrl_inline __u32 xrl_resident_slot(__u32 epoch)
{
	__u32 slot = epoch - (__u32)((__u64)epoch * 0xAAAAAAABu >> 33) * XRL_GATE_EPOCHS;

	_Static_assert(XRL_GATE_EPOCHS == 3, "the factor is a third of 2^33");
	xrl_forget(slot);
	return slot < XRL_GATE_EPOCHS ? slot : 0;
}

xrl_inline xrl_packed xrl_resident_read(const struct xrl_known *resident)
{
	return *(const volatile xrl_packed *)resident;
}

/* The bits of this epoch; 0 if the block is still that of an older one. */
xrl_inline __u64 xrl_resident_in(xrl_packed state, __u32 epoch)
{
	return state >> XRL_RESIDENT_BITS == (epoch & XRL_EPOCH_MASK)
	               ? state & ((1ULL << XRL_RESIDENT_BITS) - 1)
	               : 0;
}

/* The block after adding a source. Bits of an older epoch are discarded: by now the LRU map has
 * evicted every bucket not used since. */
xrl_inline xrl_packed xrl_resident_with(xrl_packed state, __u32 epoch, __u64 bits)
{
	return (__u64)(epoch & XRL_EPOCH_MASK) << XRL_RESIDENT_BITS |
	       xrl_resident_in(state, epoch) | bits;
}

/* Returns 1 if the source was added in this epoch, 2 if only in an earlier one, else 0. */
xrl_inline int xrl_is_resident(const struct xrl_gate_line *set, __u32 epoch, __u64 bits)
{
	int resident = 0;

	XRL_UNROLL
	for (__u32 i = 0; i < XRL_GATE_EPOCHS; i++) {
		xrl_packed state = xrl_resident_read(&set->known[i]);
		__u32 epochs_ago = (epoch - (state >> XRL_RESIDENT_BITS)) & XRL_EPOCH_MASK;

		if ((state & bits) != bits || epochs_ago >= XRL_GATE_EPOCHS)
			continue;
		if (!epochs_ago)
			return 1;
		resident = 2;
	}
	return resident;
}

/* Returns 0 if no block has all bits, whatever its epoch: true of most new sources. */
xrl_inline int xrl_maybe_resident(const struct xrl_gate_line *set, __u64 bits)
{
	return (xrl_resident_read(&set->known[0]) & bits) == bits ||
	       (xrl_resident_read(&set->known[1]) & bits) == bits ||
	       (xrl_resident_read(&set->known[2]) & bits) == bits;
}

/* Returns 1 if the bits are set. */
xrl_inline int xrl_try_add_resident(struct xrl_gate_line *set, __u32 epoch, __u64 bits)
{
	xrl_packed *slot = (xrl_packed *)&set->known[xrl_resident_slot(epoch)];
	xrl_packed state = *(volatile xrl_packed *)slot,
		   with = xrl_resident_with(state, epoch, bits);

	return state == with || __sync_val_compare_and_swap(slot, state, with) == state;
}

/* A source in use is added again once per epoch, and every 2^11 ticks of 2^XRL_CHECKED_SHIFT ns (69
 * s). The latter repairs what epochs miss: lost bits, a re-created gate, a program of another
 * version. */
#define XRL_READD_SHIFT 11

/* Call after a refresh. True if the previous one was before this epoch (0: there was none), or in
 * its first tick, which may be either. */
xrl_inline int xrl_is_readd_due(__u32 checked_before, __u32 checked, __u32 epoch_began)
{
	return checked != checked_before && ((__s32)(epoch_began - checked_before) >= 0 ||
	                                     (checked ^ checked_before) >> XRL_READD_SHIFT);
}
