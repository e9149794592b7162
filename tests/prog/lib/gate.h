/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A program whose gate is engaged, and one source that has no bucket yet. */

#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/program.h"
#include "tests/prog/lib/policy.h"

#define GATE_BUCKETS 1024

extern const struct xrl_address gate_source;

/* Policies of one class: 10 packets in 1 s, 1 h and 1 d. */
extern const struct policy_text gate_secondly, gate_hourly, gate_daily;

/* Opens the program and its floods. Returns 0 or an error. */
int gate_open(struct program *program);
void gate_close(struct program *program);

/* The default [flood] settings with these two budgets, in packets. */
struct xrl_flood gate_flood(__u64 newcomers, __u64 prefix);

/* Activates the policy and engages the gate, which then knows no source. */
void gate_begin(struct program *program, const struct policy_text *text,
                const struct xrl_flood *flood);

/* Forgets all residents and candidates. */
void gate_clear(const struct program *program);

/* The budgets of the active policy. */
struct xrl_flood *gate_budgets(const struct program *program);

int gate_passes(const struct program *program, const struct frame_spec *spec);
__u32 gate_counter(const struct program *program, const struct frame_spec *spec);
