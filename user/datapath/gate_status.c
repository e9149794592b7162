// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/gate_status.h"

#include <string.h>
#include <bpf/bpf.h>

#include "user/util/clock.h"
#include "user/util/jiffies.h"
#include "bpf/gate/candidate.h"

#define SECOND_NS 1000000000ULL

_Static_assert(NEWCOMER_MAX_SEEN == XRL_MAX_HITS, "as it is in the word");

static struct xrl_taken read_once(const struct xrl_taken *taken)
{
	xrl_packed word = *(const volatile xrl_packed *)taken;
	struct xrl_taken copy;

	memcpy(&copy, &word, sizeof(copy));
	return copy;
}

/* The gate gets out of the way with the next packet, which may not come for long: then it's
 * `until` that counts. */
static void read_engaged(const struct xrl_flood_state *flood, __u64 jiffies,
                         struct gate_status *state)
{
	__u64 until = *(const volatile __u64 *)&flood->engaged_until_jiffies;
	__s64 left = until - jiffies;

	state->since_boot_ns = *(const volatile __u64 *)&flood->since_boot_ns;
	state->state = until && left > 0 ? GATE_IS_ENGAGED : GATE_IS_READY;
	if (until && left <= 0)
		state->since_boot_ns = clock_boot_ns() + left * (__s64)clock_jiffy_ns();
}

/* In the slice that isn't over yet or in the one before, whichever had more: so a flood that has
 * just begun is seen, and one slice is never taken for two. */
static __u64 arrivals_per_second(const struct xrl_flood_state *flood, __u64 jiffies, __u32 shift)
{
	struct xrl_taken last = read_once(&flood->arrivals);
	struct xrl_taken before = read_once(&flood->arrivals_before);
	__u32 units = last.units;

	if ((__s32)((__u32)(jiffies >> shift) - last.slice) > 1)
		return 0;
	if (before.slice == last.slice - 1 && before.units > units)
		units = before.units;
	return units * SECOND_NS / (clock_jiffy_ns() << shift);
}

static void add_cpus(const struct xrl_flood_state *flood, struct gate_status *state)
{
	for (int i = 0; i < XRL_GATE_CPUS; i++) {
		state->unknown_sources += flood->cpus[i].unknown_sources;
		state->promoted_sources += flood->cpus[i].promoted_sources;
	}
}

bool gate_read(struct maps *maps, struct gate_status *state)
{
	const struct xrl_flood_state *flood;
	const struct xrl_policy *policy;
	__u32 generation;
	__u64 jiffies;

	*state = (struct gate_status){};
	policy = generation_policy(maps, &generation);
	if (!policy)
		return false;
	flood = maps_mmap(maps, MAP_FLOOD, false);
	if (!flood)
		return false;
	state->policy = &policy->flood;
	if (policy->flood.mode != XRL_FLOOD_OFF) {
		jiffies = clock_jiffies();
		read_engaged(flood, jiffies, state);
		state->unknown_sources_per_second =
			arrivals_per_second(flood, jiffies, policy->flood.engage.shift & 31);
	}
	state->engaged_times = flood->engaged_times;
	state->inserted_buckets = flood->insertions;
	add_cpus(flood, state);
	maps_munmap((void *)flood, MAP_FLOOD);
	return true;
}

/* ---- one source ---- */

static bool read_line(const struct maps *maps, const struct xrl_address *source,
                      struct xrl_gate_line *line, __u32 *hash)
{
	const struct xrl_flood_state *flood = maps_mmap(maps, MAP_FLOOD, false);
	__u32 address, number;

	if (!flood)
		return false;
	memcpy(&address, source, sizeof(address));
	*hash = xrl_gate_hash(address, flood->hash_key);
	number = xrl_gate_set_of(*hash, flood->lines);
	maps_munmap((void *)flood, MAP_FLOOD);
	return !bpf_map_lookup_elem(maps->fds[MAP_GATE], &number, line);
}

bool gate_read_newcomer(const struct maps *maps, const struct xrl_address *source,
                        struct newcomer *newcomer)
{
	struct xrl_gate_line line;
	__u32 hash;

	*newcomer = (struct newcomer){};
	if (!read_line(maps, source, &line, &hash))
		return false;
	for (int i = 0; i < XRL_GATE_WAYS; i++) {
		const struct xrl_newcomer *word = &line.newcomers[i];

		if (!word->seen_packets || word->tag != xrl_hash_tag(hash))
			continue;
		/* two CPUs at once may have given it two */
		newcomer->seen_packets += word->seen_packets;
		newcomer->passed_packets += word->packets;
	}
	return newcomer->seen_packets > 0;
}
