/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Where an address belongs in the gate. No packet, no map and no clock in it, so that unit tests
 * compile this file in user space. */

#include "bpf/verifier.h"
#include "include/gate.h"

/* Mixes an address so that no two become the same: each step can be undone. Nobody who doesn't
 * know the key can choose addresses that share a line. */
xrl_inline __u32 xrl_gate_hash(__u32 address, __u64 key)
{
	__u32 bits = address ^ (__u32)key;

	bits ^= bits >> 16;
	bits *= 0x7FEB352Du;
	bits ^= (__u32)(key >> 32);
	bits ^= bits >> 15;
	bits *= 0x846CA68Bu;
	return bits ^ bits >> 16;
}

/* The addresses of a line are neighbours in this order, at most 2^18 of them: their lowest bits
 * tell them apart. */
xrl_inline __u32 xrl_gate_set_of(__u32 hash, __u32 lines)
{
	return (__u64)hash * lines >> 32;
}

#define XRL_HASH_TAG_BITS      18
#define XRL_ERA_BITS           2
#define XRL_CANDIDATE_TAG_BITS (XRL_HASH_TAG_BITS + XRL_ERA_BITS)

xrl_inline __u32 xrl_hash_tag(__u32 hash)
{
	return hash & ((1u << XRL_HASH_TAG_BITS) - 1);
}

/* What says in a line whose word it is, the lowest bits. A word of another era is nobody's, and so
 * is an empty one: there is no era 0. */
xrl_inline __u32 xrl_candidate_tag(__u32 hash, __u32 era)
{
	return xrl_hash_tag(hash) | (era & ((1u << XRL_ERA_BITS) - 1)) << XRL_HASH_TAG_BITS;
}

xrl_inline __u32 xrl_next_era(__u32 era)
{
	return era % ((1u << XRL_ERA_BITS) - 1) + 1;
}

/* Its bit in xrl_flood_state.permits. */
xrl_inline __u32 xrl_permit_prefilter_bit(__u32 hash)
{
	return hash >> (32 - XRL_PERMIT_BITS);
}
