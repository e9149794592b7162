/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Where an address belongs in the gate: its set, its tag, its prefilter bit. No packets, maps or
 * clocks: unit tests compile this file in user space. */

#include "bpf/verifier.h"
#include "include/gate.h"

/* A bijection of addresses: every step can be undone, so no two addresses collide. Without the key,
 * no one can choose addresses of the same set. */
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

/* Maps consecutive hashes to the same set, at most 2^18 of them, so that the low bits tell the
 * addresses of a set apart. */
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

/* The low bits of an entry, which identify its source. An entry of another flood belongs to no one,
 * nor does an empty one: flood numbers begin at 1. */
xrl_inline __u32 xrl_candidate_tag(__u32 hash, __u32 era)
{
	return xrl_hash_tag(hash) | (era & ((1u << XRL_ERA_BITS) - 1)) << XRL_HASH_TAG_BITS;
}

/* The flood number after this one: 1, 2, 3, 1. */
xrl_inline __u32 xrl_next_era(__u32 era)
{
	return era % ((1u << XRL_ERA_BITS) - 1) + 1;
}

/* The source's bit in xrl_flood_state.permits. */
xrl_inline __u32 xrl_permit_prefilter_bit(__u32 hash)
{
	return hash >> (32 - XRL_PERMIT_BITS);
}
