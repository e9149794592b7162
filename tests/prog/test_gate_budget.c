// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* The budgets of the engaged gate: how many packets it admits from sources without a bucket. */

#include <netinet/in.h>
#include <unistd.h>

#include "user/policy/gate.h"
#include "tests/prog/lib/gate.h"
#include "tests/prog/lib/spoofed.h"
#include "tests/prog/lib/traffic.h"
#include "tests/tap.h"

#define FLOOD_US 1200000

struct admitted {
	__u64 packets, max_packets;
};

/* Floods for FLOOD_US. `max_packets` is the budget of all intervals that the flood touches; it may
 * cover only part of the first and the last one. */
static struct admitted flood_for_a_while(const struct program *program,
                                         const struct xrl_share *budget)
{
	__u64 before = traffic_packets(program, XRL_passed_newcomer), begin_ns = boot_ns();
	struct admitted admitted;
	__u64 intervals;

	spoofed_start(1);
	usleep(FLOOD_US);
	spoofed_stop();
	intervals = (boot_ns() - begin_ns) / spoofed_interval_ns(budget) + 2;
	admitted.packets = traffic_packets(program, XRL_passed_newcomer) - before;
	admitted.max_packets = intervals * budget->max_units;
	return admitted;
}

static void check_budget(struct program *program)
{
	struct xrl_flood flood = gate_flood(20000, 20000);
	struct admitted admitted;

	gate_begin(program, &gate_secondly, &flood);
	spoofed_set_sources(SPOOFED_FIRST, SPOOFED_COUNT);
	/* a spoofed source that happens to repeat draws on the other half */
	admitted = flood_for_a_while(program, &spoofed_flood(program)->newcomers);
	tap_ok(admitted.packets <= admitted.max_packets * 6 / 10 &&
	               admitted.packets >= admitted.max_packets / 4,
	       "first packets of sources use at most half of the total budget");
	tap_note("%llu of %llu", admitted.packets, admitted.max_packets);

	/* the gate's sets have a way for each of these */
	gate_begin(program, &gate_secondly, &flood);
	spoofed_set_sources(SPOOFED_FIRST, 5000);
	admitted = flood_for_a_while(program, &spoofed_flood(program)->newcomers);
	tap_ok(admitted.packets <= admitted.max_packets &&
	               admitted.packets > admitted.max_packets * 6 / 10,
	       "sources that send again use all of it");
	tap_note("%llu of %llu", admitted.packets, admitted.max_packets);
}

/* An admitted first packet is remembered for the period of the limit, or for half an hour,
 * whichever is shorter; the gate has no room for more. */
static void check_retention_budget(struct program *program)
{
	struct xrl_flood flood = gate_flood(GATE_MAX_PACKETS, GATE_MAX_PACKETS);
	__u64 passed = traffic_packets(program, XRL_passed_newcomer), begin_ns, intervals;
	const struct xrl_share *budget;

	gate_begin(program, &gate_daily, &flood);
	spoofed_set_sources(SPOOFED_FIRST, SPOOFED_COUNT);
	begin_ns = boot_ns();
	/* in order, so that no source repeats */
	while (boot_ns() < begin_ns + FLOOD_US * 1000)
		spoofed_run_next(100000);
	budget = &spoofed_flood(program)->first;
	intervals = (boot_ns() - begin_ns) / spoofed_interval_ns(budget) + 2;
	passed = traffic_packets(program, XRL_passed_newcomer) - passed;
	tap_ok(passed && passed <= intervals * budget->max_units &&
	               budget->max_units < GATE_BUCKETS,
	       "no more first packets pass than the gate can remember for a daily limit");
	tap_note("%llu of %llu", passed, intervals * budget->max_units);
}

static void check_prefix_budget(struct program *program)
{
	struct xrl_flood flood = gate_flood(1000000, 100);
	__u64 rejected = traffic_packets(program, XRL_dropped_newcomers_prefix);
	struct admitted admitted;

	gate_begin(program, &gate_daily, &flood);
	/* without promotions, so that all sources remain subject to the budget */
	gate_budgets(program)->promoted.max_units = 0;
	spoofed_set_sources(SPOOFED_FIRST, 256);
	admitted = flood_for_a_while(program, &spoofed_flood(program)->prefix);
	rejected = traffic_packets(program, XRL_dropped_newcomers_prefix) - rejected;
	tap_ok(admitted.packets <= admitted.max_packets &&
	               admitted.packets >= admitted.max_packets / 4 && rejected,
	       "sources of one /24 stay within its budget");
	tap_note("%llu of %llu, %llu rejected", admitted.packets, admitted.max_packets, rejected);
}

static void check_zero_cost(struct program *program)
{
	static const struct policy_text text = {.classes = {{.limits = {"10/1h connections"}}}};
	struct frame_spec ack = {
		.protocol = IPPROTO_TCP, .tcp_flags = FRAME_ACK, .source = gate_source};
	struct frame_spec syn = {
		.protocol = IPPROTO_TCP, .tcp_flags = FRAME_SYN, .source = gate_source};
	struct frame_spec udp = {.source = gate_source};
	struct xrl_flood flood = gate_flood(1000, 1000);
	struct xrl_bucket bucket;

	gate_begin(program, &text, &flood);
	gate_budgets(program)->first.max_units = 0;
	tap_ok(gate_counter(program, &ack) == XRL_passed_within_limits &&
	               gate_counter(program, &udp) == XRL_passed_within_limits,
	       "a packet that costs nothing passes without budget");
	tap_ok(gate_counter(program, &syn) == XRL_dropped_newcomers,
	       "a packet that opens a connection is rejected without budget");
	tap_ok(!program_read_bucket(program, gate_source, &bucket),
	       "neither of them creates a bucket");
}

int main(void)
{
	struct program program;

	if (gate_open(&program))
		return tap_give_up("cannot load the programs");
	check_zero_cost(&program);
	check_budget(&program);
	check_retention_budget(&program);
	check_prefix_budget(&program);
	gate_close(&program);
	return tap_done();
}
