/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "user/datapath/maps.h"

/* The state of the gate (bpf/verdict/admit.h), an admission filter in front of the LRU map of
 * buckets: its first values, its permits, and what the commands show of it. */

/* Initializes a new gate for this many buckets, with a secret hash key. */
enum exit_code gate_init(const struct maps *maps, __u32 sources);

/* Adds the permits that exist already to the prefilter of a new gate. */
enum exit_code gate_add_permits(const struct maps *maps);

/* Call it before permits are written: from then on the gate looks for permits that
 * gate_add_permit() adds to the memory returned, which is the map `flood`; release it with
 * maps_munmap(). NULL: see errno. */
struct xrl_flood_state *gate_expect_permits(const struct maps *maps);

/* Adds an address to the prefilter, before its permit is written. */
void gate_add_permit(struct xrl_flood_state *state, const struct xrl_address *address);

enum gate_state { GATE_IS_OFF, GATE_IS_READY, GATE_IS_ENGAGED };

struct gate_status {
	const struct xrl_flood *policy; /* the active one, until maps_close() */
	enum gate_state state;
	__u64 since_boot_ns; /* of the state; 0: since the gate was created, or off */
	__u64 engaged_times;
	__u64 unknown_sources;
	__u64 unknown_sources_per_second; /* recently; 0 after some seconds without any */
	__u64 promoted_sources;
	__u64 inserted_buckets;
};

/* False: there is no gate, or no policy. */
bool gate_read(struct maps *maps, struct gate_status *status);

/* The largest count of packets that the gate keeps of one source. */
#define NEWCOMER_MAX_SEEN 7

/* A source without a bucket that the gate has seen. */
struct newcomer {
	__u32 seen_packets; /* up to NEWCOMER_MAX_SEEN */
	__u32 passed_packets;
};

/* False: the gate has not seen this source. */
bool gate_read_newcomer(const struct maps *maps, const struct xrl_address *source,
                        struct newcomer *newcomer);
