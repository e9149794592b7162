/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The residents filter. */

#include "bpf/limit/fixed_window.h"
#include "include/gate.h"

#define XRL_RESIDENT_BITS             60
#define XRL_EPOCH_MASK                15u
#define XRL_RESIDENT_BIT(bits, shift) (1ULL << (((bits) >> (shift)&0xFF) * XRL_RESIDENT_BITS >> 8))

/* Four of the bits, from others than those that chose the line. Of the sources without a bucket,
 * with all buckets taken, one in 50 looks as if it had one, and costs a look-up in vain. */
xrl_inline __u64 xrl_resident_bits(__u32 hash)
{
	__u64 bits = hash * 0x9E3779B97F4A7C15ULL;

	return XRL_RESIDENT_BIT(bits, 32) | XRL_RESIDENT_BIT(bits, 40) |
	       XRL_RESIDENT_BIT(bits, 48) | XRL_RESIDENT_BIT(bits, 56);
}

/* Epochs take turns: what is left of a division by three, which would cost more. The comparison is
 * for the verifier. */
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

/* Bits of this epoch. */
xrl_inline __u64 xrl_resident_in(xrl_packed state, __u32 epoch)
{
	return state >> XRL_RESIDENT_BITS == (epoch & XRL_EPOCH_MASK)
	               ? state & ((1ULL << XRL_RESIDENT_BITS) - 1)
	               : 0;
}

/* What is written when a source is given a bucket. What stood there for an older epoch goes: by now
 * the LRU map has forgotten who hasn't been seen since. */
xrl_inline xrl_packed xrl_resident_with(xrl_packed state, __u32 epoch, __u64 bits)
{
	return (__u64)(epoch & XRL_EPOCH_MASK) << XRL_RESIDENT_BITS |
	       xrl_resident_in(state, epoch) | bits;
}

/* 1: in this epoch, 2: only in one before. */
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

/* 0: in none of them, as it is of most newcomers. */
xrl_inline int xrl_maybe_resident(const struct xrl_gate_line *set, __u64 bits)
{
	return (xrl_resident_read(&set->known[0]) & bits) == bits ||
	       (xrl_resident_read(&set->known[1]) & bits) == bits ||
	       (xrl_resident_read(&set->known[2]) & bits) == bits;
}

/* 1: it's written there. */
xrl_inline int xrl_try_add_resident(struct xrl_gate_line *set, __u32 epoch, __u64 bits)
{
	xrl_packed *slot = (xrl_packed *)&set->known[xrl_resident_slot(epoch)];
	xrl_packed state = *(volatile xrl_packed *)slot,
		   with = xrl_resident_with(state, epoch, bits);

	return state == with || __sync_val_compare_and_swap(slot, state, with) == state;
}

/* Who uses its bucket is marked once an epoch, and once in 2^11 ticks of XRL_CHECKED_SHIFT, 69 s,
 * for what the epochs miss: marks that were lost, a gate that was made anew, a program of another
 * version. */
#define XRL_READD_SHIFT 11

/* After a look at the clock that was noted: when the one before it was not in this epoch, or nobody
 * had looked at this bucket before (0). In the tick in which the epoch began it may have been. */
xrl_inline int xrl_is_readd_due(__u32 checked_before, __u32 checked, __u32 epoch_began)
{
	return checked != checked_before && ((__s32)(epoch_began - checked_before) >= 0 ||
	                                     (checked ^ checked_before) >> XRL_READD_SHIFT);
}
