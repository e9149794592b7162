/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The budgets of candidates: all together, first-time sources, each /24, and promotions. */

#include "bpf/gate/budget.h"
#include "bpf/gate/hash.h"
#include "bpf/maps.h"
#include "include/counters.h"

static __always_inline struct xrl_taken *prefix_cell(__u32 hash, int row)
{
	return &flood.prefixes[row][xrl_masked(hash >> row * 15, XRL_PREFIX_CELLS)];
}

/* A count-min sketch with conservative use: a prefix has a cell in each of two rows, and a packet
 * is admitted if one of them has room. A prefix that shares one cell with a flooded /24 most likely
 * has another one to itself. Both rows count all admitted packets, so that no prefix exceeds its
 * budget. */
XRL_GLOBAL_FUNC int prefix_budget_take(__u32 prefix, const struct xrl_flood *policy)
{
	struct xrl_taken *one, *other;
	__u32 hash, interval;

	if (!policy)
		return 0;
	hash = xrl_gate_hash(prefix, flood.hash_key >> 16);
	interval = interval_of(&policy->prefix, bpf_jiffies64());
	one = prefix_cell(hash, 0);
	other = prefix_cell(hash, 1);
	if (budget_take(one, interval, policy->prefix.max_units)) {
		budget_take(other, interval, ~0U);
		return 1;
	}
	return budget_take(other, interval, policy->prefix.max_units);
}

/* Returns 0, or the reason to reject the packet. */
static __always_inline __u32 candidate_budget_take(const struct xrl_address *source,
                                                   const struct xrl_flood *policy, int is_first)
{
	__u64 jiffies = bpf_jiffies64();
	__u32 interval = interval_of(&policy->newcomers, jiffies), address;
	__u32 first_interval = interval_of(&policy->first, jiffies);

	if (is_first && !budget_has_room(&flood.first, first_interval, policy->first.max_units))
		return XRL_REASON_newcomers;
	if (!budget_has_room(&flood.newcomers, interval, policy->newcomers.max_units))
		return XRL_REASON_newcomers;
	__builtin_memcpy(&address, source, sizeof(address));
	if (!prefix_budget_take(address & bpf_htonl(0xFFFFFF00), policy))
		return XRL_REASON_newcomers_prefix;
	if (is_first && !budget_take(&flood.first, first_interval, policy->first.max_units))
		return XRL_REASON_newcomers;
	return budget_take(&flood.newcomers, interval, policy->newcomers.max_units)
	               ? 0
	               : XRL_REASON_newcomers;
}

/* Half of the promotions are reserved for returning sources. */
static __always_inline int take_promotion(const struct xrl_flood *policy, int is_own)
{
	__u32 interval = interval_of(&policy->promoted, bpf_jiffies64());

	return budget_take(&flood.promoted, interval, policy->promoted.max_units >> !is_own);
}
