/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "user/datapath/maps.h"

/* What the gate against floods of unknown sources is doing, and has done. */

enum gate_state { GATE_IS_OFF, GATE_IS_READY, GATE_IS_ENGAGED };

struct gate_status {
	const struct xrl_flood *policy; /* in force, while the maps is open */
	enum gate_state state;
	__u64 since_boot_ns; /* of that state; 0: ever since there is the gate, or it's off */
	__u64 engaged_times;
	__u64 unknown_sources;
	__u64 unknown_sources_per_second; /* lately, 0 when that is seconds ago */
	__u64 promoted_sources;
	__u64 inserted_buckets;
};

/* False: there is no gate, or no policy. */
bool gate_read(struct maps *maps, struct gate_status *state);

/* It counts no further than that. */
#define NEWCOMER_MAX_SEEN 7

/* What the gate remembers of a source without a bucket. */
struct newcomer {
	__u32 seen_packets; /* up to NEWCOMER_MAX_SEEN */
	__u32 passed_packets;
};

/* False: nothing. */
bool gate_read_newcomer(const struct maps *maps, const struct xrl_address *source,
                        struct newcomer *newcomer);
