/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Two programs that are given the same: one takes the straight line with what is usual, the other
 * goes the general way with all packets, since it's told to find out a thing that no limit asks
 * for. */

#include "tests/prog/lib/program.h"
#include "tests/prog/lib/policy.h"

#define PAIR_SOURCES (1u << 16) /* so many that none is evicted */

enum pass { FAST, FULL, PASSES };

/* `seen`: the counters so far. */
struct pair {
	struct program programs[PASSES];
	struct xrl_counter_pair seen[PASSES][XRL_COUNTERS];
	__u32 slack_ticks;
	__u32 policies;   /* so many so far */
	__u32 fast_wants; /* of those, what the first program was to find out */
};

struct pair_scenario {
	const char *text;
	struct policy_text policy;
	int has_target; /* where redirected frames go, with new addresses */
};

/* 0 or an error. To be closed in either case. */
int pair_open(struct pair *pair, enum program_entry entry);
void pair_close(struct pair *pair);

/* Puts it in force with all of its limits new. What was counted until then is not compared. */
void pair_activate(struct pair *pair, const struct pair_scenario *scenario);

/* The same frame through both: whether action, frame, counters, and the bucket of its source are
 * the same. Explains it if not. `first_bytes`: in the first buffer; 0: all. */
int pair_agree(struct pair *pair, const unsigned char *frame, __u32 bytes, __u32 first_bytes);

/* All there are, and at least one. */
int pair_buckets_match(const struct pair *pair);
