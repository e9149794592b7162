/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Floods of invented sources. They are drawn inside of the kernel, by the programs of the
 * benchmarks, since a test run repeats its frame. */

#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/program.h"
#include "tests/prog/lib/policy.h"

#define SPOOFED_FLOODS 2 /* at once, each on a CPU of its own */
#define SPOOFED_BYTES  60

/* Half of all addresses, so that none is that of a source of a test, which are below. */
#define SPOOFED_FIRST 0x80000000U
#define SPOOFED_COUNT (1ULL << 31)

void spoofed_prepare(void);

/* 0 or a negative errno. What runs goes to this one. */
int spoofed_open(const struct program *program);
void spoofed_close(void);

/* From where the packets come from now on, in host order. */
void spoofed_set_sources(__u32 first_source, __u64 count);

/* So many packets, and the program returns: each of another source than the one before, in
 * order or at random. */
void spoofed_run_next(__u32 packets);
void spoofed_run(__u32 packets);

/* So many floods without an end, on the last CPUs. */
void spoofed_start(int floods);
void spoofed_stop(void);

/* A policy with a gate, in force. */
void spoofed_activate(struct program *program, const struct policy_text *text,
                      const struct xrl_flood *flood);

/* Engaged, for longer than any test takes, whatever arrives. */
void spoofed_engage(const struct program *program);

__u64 spoofed_interval_ns(const struct xrl_share *budget);
const struct xrl_flood *spoofed_flood(const struct program *program);
