/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Random sequences of packets to one limit, on CPUs whose clocks may differ, for comparison with a
 * model. */

#include "tests/unit/bpf/limit/class_fixture.h"

#define SEQUENCES      700
#define SEQUENCE_STEPS 1000

struct sequence {
	struct xrl_class class;
	struct xrl_bucket bucket;
	__u64 now_ns, behind_ns; /* by which clocks differ at most */
	__u64 pause_ns;          /* the period that pauses depend on */
};

struct sequence_tally {
	__u64 passed, rejected;
};

/* `begin` sets up the limit, the clocks and the model. `step` charges one packet, compares the
 * result with the model, and returns whether the packet passed. */
static inline struct sequence_tally
run_sequences(void (*begin)(struct sequence *, int round, enum xrl_unit, __u64 most_units),
              int (*step)(struct sequence *), enum xrl_unit unit, __u64 most_units)
{
	struct sequence_tally tally = {};

	for (int round = 0; round < SEQUENCES; round++) {
		struct sequence sequence = {};

		begin(&sequence, round, unit, most_units);
		for (int i = 0; i < SEQUENCE_STEPS; i++) {
			sequence.now_ns += random_pause(sequence.now_ns, sequence.pause_ns);
			set_clock_behind(sequence.now_ns, random_below(sequence.behind_ns + 1));
			if (step(&sequence))
				tally.passed++;
			else
				tally.rejected++;
		}
	}
	return tally;
}

static inline void assert_both_results(struct sequence_tally tally)
{
	assert_true(tally.passed > 100000 && tally.rejected > 10000);
}
