// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/gate.h"

#include <sys/random.h>
#include <bpf/bpf.h>

#include "user/util/clock.h"
#include "user/policy/gate.h"
#include "include/bucket.h"

/* Longer than any attach takes until its program runs on all interfaces. */
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
	/* Buckets may be older than their gate, and until the new program runs an older one looks
	 * at the clock for them and marks them elsewhere. So all are marked with every look until
	 * then, and with the first one after it. */
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

enum exit_code gate_add_permits(const struct maps *maps)
{
	struct xrl_address address, *previous = NULL;
	struct xrl_flood_state *flood = NULL;

	while (!bpf_map_get_next_key(maps->fds[MAP_PERMITS], previous, &address)) {
		if (!flood)
			flood = gate_expect_permits(maps);
		if (!flood)
			return fail(EXIT_FAILED, NULL, "cannot write the map flood: %m");
		gate_expect_permit(flood, &address);
		previous = &address;
	}
	maps_munmap(flood, MAP_FLOOD);
	return EXIT_DONE;
}
