/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Engages the gate when too many unknown sources arrive, and disengages it some time after the last
 * interval in which they did. Engaged and ready are its two states. */

#include "bpf/gate/budget.h"
#include "bpf/gate/hash.h"
#include "bpf/maps.h"

/* The gate disengages this many intervals after the last one with too many arrivals. */
#define ENGAGED_INTERVALS 8

/* ---- engaged or ready ---- */

static __always_inline __u64 engaged_until(void)
{
	return *(const volatile __u64 *)&flood.engaged_until_jiffies;
}

/* The CPU whose swap succeeds stores the time. */
static __noinline int disengage(__u64 until)
{
	if (__sync_val_compare_and_swap(&flood.engaged_until_jiffies, until, 0) == until)
		flood.since_boot_ns = xrl_boot_ns();
	return 0;
}

/* Begins a new flood number if no limit remembers the last flood any more: the ticks in the
 * candidates have wrapped around and cannot tell. */
static __always_inline void begin_flood(const struct xrl_flood *policy)
{
	__u64 now_ns = xrl_boot_ns();

	if (now_ns - flood.since_boot_ns >= policy->remembered_ns)
		flood.era = xrl_next_era(flood.era);
	flood.since_boot_ns = now_ns;
	__sync_fetch_and_add(&flood.engaged_times, 1);
}

/* Engages the gate, or keeps it engaged. */
XRL_GLOBAL_FUNC int engage(const struct xrl_flood *policy, __u64 jiffies)
{
	__u64 until = engaged_until(), later;

	if (!policy)
		return 0;
	later = jiffies + ((__u64)ENGAGED_INTERVALS << (policy->engage.shift & 63));
	if (until != later &&
	    __sync_val_compare_and_swap(&flood.engaged_until_jiffies, until, later) == until &&
	    !until)
		begin_flood(policy);
	return 0;
}

/* Time since the end of the last flood, in ns; 0 during a flood. */
static __always_inline __u64 gate_idle_ns(void)
{
	return engaged_until() ? 0 : xrl_boot_ns() - flood.since_boot_ns;
}

/* Outside a flood this is one cached load of zero. */
static __always_inline int is_engaged(void)
{
	__u64 until = engaged_until();

	if (!until)
		return 0;
	if ((__s64)(until - bpf_jiffies64()) > 0)
		return 1;
	return disengage(until);
}

/* ---- arrivals of unknown sources ---- */

static __always_inline struct xrl_gate_cpu *this_cpu(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return &flood.cpus[xrl_masked(cpu, XRL_GATE_CPUS)];
}

/* The number of arrivals in one interval that engages the gate. Half of it keeps it engaged. */
static __always_inline __u32 engage_threshold(const struct xrl_flood *policy)
{
	__u32 sources = flood.insertions >= flood.sources - flood.sources / 8
	                        ? policy->engage_when_full
	                        : policy->engage.max_units;

	return engaged_until() ? sources / 2 : sources;
}

/* Adds the arrivals of one CPU. The last complete interval is kept for `status`. */
XRL_GLOBAL_FUNC int add_arrivals(const struct xrl_flood *policy, __u32 sources)
{
	__u64 jiffies = bpf_jiffies64(), state, after;
	__u32 interval;

	if (!policy)
		return 0;
	state = budget_read(&flood.arrivals);
	interval = later_interval(state, interval_of(&policy->engage, jiffies));

	if (state >> 32 == interval) {
		after = __sync_fetch_and_add((xrl_packed *)&flood.arrivals, sources) + sources;
	} else {
		after = (__u64)interval << 32 | sources;
		if (__sync_val_compare_and_swap((xrl_packed *)&flood.arrivals, state, after) ==
		    state)
			*(volatile xrl_packed *)&flood.arrivals_before = state;
	}
	if ((__u32)after >= engage_threshold(policy))
		engage(policy, jiffies);
	return 0;
}

/* Counts one source that nothing is known of. While the gate is engaged, each CPU collects its
 * arrivals and adds them to the shared word in batches. */
static __always_inline void count_arrival(const struct xrl_flood *policy)
{
	struct xrl_gate_cpu *cpu = this_cpu();
	__u32 batch = cpu->batch + 1;

	cpu->unknown_sources++;
	cpu->batch = batch;
	if (engaged_until() && batch < policy->engage_batch)
		return;
	cpu->batch = 0;
	add_arrivals(policy, batch);
}
