// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/gate.h"

#include <string.h>
#include <sys/random.h>
#include <bpf/bpf.h>

#include "bpf/gate/candidate.h"
#include "bpf/gate/hash.h"
#include "include/bucket.h"
#include "user/datapath/generation.h"
#include "user/datapath/jiffies.h"
#include "user/policy/gate.h"
#include "user/util/clock.h"
#include "user/util/duration.h"

_Static_assert(NEWCOMER_MAX_SEEN == XRL_MAX_HITS, "the largest count of an entry");

/* Longer than any attach needs until the program runs on all its interfaces. */
#define FIRST_EPOCH_BEGINS_NS 10000000000ULL

enum exit_code gate_init(const struct maps *maps, __u32 sources)
{
	struct xrl_flood_state *flood = maps_mmap(maps, MAP_FLOOD, true);
	__u64 key;

	if (!flood || getrandom(&key, sizeof(key), 0) != sizeof(key))
		return fail(EXIT_FAILED, NULL, "cannot write the map flood: %m");
	flood->lines = gate_sets(sources);
	flood->sources = sources;
	flood->hash_key = key;
	flood->era = 1;
	/* Buckets may be older than the gate, and until the new program runs, an older one
	 * refreshes them and adds them to another filter. So every refresh adds a bucket to this
	 * one until then, and so does the first refresh afterwards. */
	flood->epoch_began_ticks = (clock_boot_ns() + FIRST_EPOCH_BEGINS_NS) >> XRL_CHECKED_SHIFT;
	maps_munmap(flood, MAP_FLOOD);
	return EXIT_DONE;
}

struct xrl_flood_state *gate_expect_permits(const struct maps *maps)
{
	struct xrl_meta *meta = maps_mmap(maps, MAP_META, true);

	if (!meta)
		return NULL;
	__atomic_store_n(&meta->may_have_permits, 1, __ATOMIC_SEQ_CST);
	maps_munmap(meta, MAP_META);
	return maps_mmap(maps, MAP_FLOOD, true);
}

/* The filter has 2^20 bits and none is ever cleared: even a hundred thousand stale ones cost only a
 * tenth of a flood's packets a lookup. */
void gate_add_permit(struct xrl_flood_state *state, const struct xrl_address *address)
{
	__u32 number, bit;

	memcpy(&number, address, sizeof(number));
	bit = xrl_permit_prefilter_bit(xrl_gate_hash(number, state->hash_key));
	__atomic_fetch_or(&state->permits[bit / 8], 1 << bit % 8, __ATOMIC_SEQ_CST);
}

enum exit_code gate_add_permits(const struct maps *maps)
{
	struct xrl_address address, *previous = NULL;
	struct xrl_flood_state *flood = NULL;

	while (!bpf_map_get_next_key(maps->fds[MAP_PERMITS], previous, &address)) {
		if (!flood)
			flood = gate_expect_permits(maps);
		if (!flood)
			return fail(EXIT_FAILED, NULL, "cannot write the map flood: %m");
		gate_add_permit(flood, &address);
		previous = &address;
	}
	maps_munmap(flood, MAP_FLOOD);
	return EXIT_DONE;
}

static struct xrl_taken read_once(const struct xrl_taken *taken)
{
	xrl_packed word = *(const volatile xrl_packed *)taken;
	struct xrl_taken copy;

	memcpy(&copy, &word, sizeof(copy));
	return copy;
}

/* The gate disengages with the next packet. Until that arrives, engaged_until_jiffies decides. */
static void read_engaged(const struct xrl_flood_state *flood, __u64 jiffies,
                         struct gate_status *status)
{
	__u64 until = *(const volatile __u64 *)&flood->engaged_until_jiffies;
	__s64 left = until - jiffies;

	status->since_boot_ns = *(const volatile __u64 *)&flood->since_boot_ns;
	status->state = until && left > 0 ? GATE_IS_ENGAGED : GATE_IS_READY;
	if (until && left <= 0)
		status->since_boot_ns = clock_boot_ns() + left * (__s64)clock_jiffy_ns();
}

/* The larger count of the current interval and the previous one: this shows a flood that has just
 * begun, and never counts one interval as two. */
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

static void add_cpus(const struct xrl_flood_state *flood, struct gate_status *status)
{
	for (int i = 0; i < XRL_GATE_CPUS; i++) {
		status->unknown_sources += flood->cpus[i].unknown_sources;
		status->promoted_sources += flood->cpus[i].promoted_sources;
	}
}

bool gate_read(struct maps *maps, struct gate_status *status)
{
	const struct xrl_flood_state *flood;
	const struct xrl_policy *policy;
	__u32 generation;
	__u64 jiffies;

	*status = (struct gate_status){};
	policy = generation_policy(maps, &generation);
	if (!policy)
		return false;
	flood = maps_mmap(maps, MAP_FLOOD, false);
	if (!flood)
		return false;
	status->policy = &policy->flood;
	if (policy->flood.mode != XRL_FLOOD_OFF) {
		jiffies = jiffies_now();
		read_engaged(flood, jiffies, status);
		status->unknown_sources_per_second =
			arrivals_per_second(flood, jiffies, policy->flood.engage.shift & 31);
	}
	status->engaged_times = flood->engaged_times;
	status->inserted_buckets = flood->insertions;
	add_cpus(flood, status);
	maps_munmap((void *)flood, MAP_FLOOD);
	return true;
}

static bool read_set(const struct maps *maps, const struct xrl_address *source,
                     struct xrl_gate_line *set, __u32 *hash)
{
	const struct xrl_flood_state *flood = maps_mmap(maps, MAP_FLOOD, false);
	__u32 address, number;

	if (!flood)
		return false;
	memcpy(&address, source, sizeof(address));
	*hash = xrl_gate_hash(address, flood->hash_key);
	number = xrl_gate_set_of(*hash, flood->lines);
	maps_munmap((void *)flood, MAP_FLOOD);
	return !bpf_map_lookup_elem(maps->fds[MAP_GATE], &number, set);
}

bool gate_read_newcomer(const struct maps *maps, const struct xrl_address *source,
                        struct newcomer *newcomer)
{
	struct xrl_gate_line set;
	__u32 hash;

	*newcomer = (struct newcomer){};
	if (!read_set(maps, source, &set, &hash))
		return false;
	for (int i = 0; i < XRL_GATE_WAYS; i++) {
		const struct xrl_newcomer *word = &set.newcomers[i];

		if (!word->seen_packets || word->tag != xrl_hash_tag(hash))
			continue;
		/* two CPUs at once may have created two entries */
		newcomer->seen_packets += word->seen_packets;
		newcomer->passed_packets += word->packets;
	}
	return newcomer->seen_packets > 0;
}
