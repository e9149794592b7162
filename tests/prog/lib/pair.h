/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Two programs that get the same packets. One takes the fast pass for common frames; the other
 * takes the full pass for all packets, since its policy also needs a fact that no limit uses. */

#include "tests/prog/lib/program.h"
#include "tests/prog/lib/policy.h"

#define PAIR_SOURCES (1u << 16) /* enough that none is evicted */

enum pass { FAST, FULL, PASSES };

/* `seen` holds the counters after the last comparison. */
struct pair {
	struct program programs[PASSES];
	struct xrl_counter_pair seen[PASSES][XRL_COUNTERS];
	__u32 slack_ticks;
	__u32 policies;   /* number activated so far */
	__u32 fast_wants; /* facts that the first program needed under any of them */
};

struct pair_scenario {
	const char *text;
	struct policy_text policy;
	int has_target; /* redirected frames go to an interface, with new addresses */
};

/* Returns 0 or an error. Close it in either case. */
int pair_open(struct pair *pair, enum program_entry entry);
void pair_close(struct pair *pair);

/* Activates the policy with all limits new. Earlier counts are not compared. */
void pair_activate(struct pair *pair, const struct pair_scenario *scenario);

/* Runs the frame through both. Returns 1 if action, frame, counters, and the source's bucket are
 * the same, and explains the difference if not. `first_bytes`: length of the first buffer; 0: all.
 */
int pair_agree(struct pair *pair, const unsigned char *frame, __u32 bytes, __u32 first_bytes);

/* Compares all buckets; fails if there are none. */
int pair_buckets_match(const struct pair *pair);
