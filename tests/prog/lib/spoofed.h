/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Floods from spoofed sources. A test run repeats its frame, so the programs of the benchmarks draw
 * the source addresses inside the kernel. */

#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/program.h"
#include "tests/prog/lib/policy.h"

#define SPOOFED_FLOODS 2 /* at most, each on a CPU of its own */
#define SPOOFED_BYTES  60

/* The upper half of all addresses; the tests' own sources are in the lower half. */
#define SPOOFED_FIRST 0x80000000U
#define SPOOFED_COUNT (1ULL << 31)

void spoofed_prepare(void);

/* Returns 0 or a negative errno. The floods run through this program. */
int spoofed_open(const struct program *program);
void spoofed_close(void);

/* Sets the range of sources, in host order. */
void spoofed_set_sources(__u32 first_source, __u64 count);

/* Run that many packets, from successive or from random sources. */
void spoofed_run_next(__u32 packets);
void spoofed_run(__u32 packets);

/* Starts that many floods on the last CPUs; they run until stopped. */
void spoofed_start(int floods);
void spoofed_stop(void);

/* Activates a policy with a gate. */
void spoofed_activate(struct program *program, const struct policy_text *text,
                      const struct xrl_flood *flood);

/* Engages the gate for longer than any test takes, whatever arrives. */
void spoofed_engage(const struct program *program);

__u64 spoofed_interval_ns(const struct xrl_share *budget);
const struct xrl_flood *spoofed_flood(const struct program *program);
