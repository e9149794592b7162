// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tests/prog/lib/gate.h"

#include <string.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "user/policy/gate.h"
#include "tests/prog/lib/spoofed.h"

const struct xrl_address gate_source = {{10, 1, 2, 3}};

const struct policy_text gate_secondly = {.classes = {{.limits = {"10/1s packets"}}}};
const struct policy_text gate_hourly = {.classes = {{.limits = {"10/1h packets"}}}};
const struct policy_text gate_daily = {.classes = {{.limits = {"10/1d packets"}}}};

int gate_open(struct program *program)
{
	struct program_options options = {.entry = PROGRAM_FRAGS, .sources = GATE_BUCKETS};

	spoofed_prepare();
	return program_open(program, &options) || spoofed_open(program);
}

void gate_close(struct program *program)
{
	spoofed_close();
	program_close(program);
}

struct xrl_flood gate_flood(__u64 newcomers, __u64 prefix)
{
	struct xrl_flood flood;

	gate_set_default(&flood);
	flood.newcomers_packets = newcomers;
	flood.prefix_packets = prefix;
	return flood;
}

void gate_clear(const struct program *program)
{
	static const struct xrl_gate_line empty;

	for (__u32 i = 0; i < program->flood->lines; i++)
		bpf_map_update_elem(program->gate, &i, &empty, BPF_ANY);
}

void gate_begin(struct program *program, const struct policy_text *text,
                const struct xrl_flood *flood)
{
	spoofed_activate(program, text, flood);
	gate_clear(program);
	program_delete_bucket(program, gate_source);
	memset(&program->flood->newcomers, 0, sizeof(program->flood->newcomers));
	memset(&program->flood->first, 0, sizeof(program->flood->first));
	memset(&program->flood->promoted, 0, sizeof(program->flood->promoted));
	spoofed_engage(program);
}

struct xrl_flood *gate_budgets(const struct program *program)
{
	return &program->policies[program->meta->generation & 1].flood;
}

int gate_passes(const struct program *program, const struct frame_spec *spec)
{
	unsigned char frame[FRAME_ROOM];

	return program_run(program, frame, frame_build(spec, frame), NULL) == XDP_PASS;
}

__u32 gate_counter(const struct program *program, const struct frame_spec *spec)
{
	unsigned char frame[FRAME_ROOM];

	return program_run_counter(program, frame, frame_build(spec, frame));
}
