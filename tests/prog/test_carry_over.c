// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Carry-over: the packets that the gate admits before a source has a bucket count against the
 * source's limits. With or without a flood, a source gets what its limits grant, no more and no
 * less. */

#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "user/policy/gate.h"
#include "tests/prog/lib/gate.h"
#include "tests/prog/lib/spoofed.h"
#include "tests/prog/lib/traffic.h"
#include "tests/tap.h"
#include "tests/units.h"

#define FLOOD_US      1200000
#define SENT          40
#define MORE_BYTES    1000
#define LONG_BYTES    (SPOOFED_BYTES + MORE_BYTES)
#define ROUNDS        12
#define PAUSE_PACKETS 600000
#define ROUND_US      100000

/* ---- each kind of limit ---- */

struct quota {
	const char *limits[3];
	__u32 packets; /* granted by the limits, of this kind: */
	struct frame_spec spec;
};

#define SYN .protocol = IPPROTO_TCP, .tcp_flags = FRAME_SYN

static const struct quota quotas[] = {
	{{"1/1h packets"}, 1, {.frame_bytes = 60}},
	{{"2/1h packets"}, 2, {.frame_bytes = 60}},
	{{"3/1h packets"}, 3, {.frame_bytes = 60}},
	{{"10/1h packets"}, 10, {.frame_bytes = 60}},
	{{"10/1d packets"}, 10, {.frame_bytes = 60}},
	{{"1/1h packets sliding"}, 1, {.frame_bytes = 60}},
	{{"10/1h packets sliding"}, 10, {.frame_bytes = 60}},
	{{"1/1h packets token"}, 1, {.frame_bytes = 60}},
	{{"10/1h packets token"}, 10, {.frame_bytes = 60}},
	{{"10/1h packets token burst 6"}, 6, {.frame_bytes = 60}},
	{{"1/1h connections"}, 1, {SYN}},
	{{"10/1h connections"}, 10, {SYN}},
	{{"10/1h connections sliding"}, 10, {SYN}},
	{{"1000/1h packets", "10/1h connections"}, 10, {SYN}},
	{{"6400/1h bytes"}, 100, {.frame_bytes = 64}},
	{{"640/1h bytes"}, 10, {.frame_bytes = 64}},
	{{"12800/1h bytes token"}, 10, {.frame_bytes = 1280}},
	{{"128/1h bytes"}, 2, {.frame_bytes = 64}},
	{{"100/1h bytes"}, 0, {.frame_bytes = 128}},
	{{"1/1h packets endpoint udp/443"}, 1, {.frame_bytes = 60}},
	{{"2/1h packets endpoint udp/443"}, 2, {.frame_bytes = 60}},
	{{"10/1h packets endpoint udp/443"}, 10, {.frame_bytes = 60}},
	{{"10/1h packets sliding endpoint udp/443"}, 10, {.frame_bytes = 60}},
	{{"10/1h packets token endpoint udp/443"}, 10, {.frame_bytes = 60}},
	{{"10/1h connections endpoint tcp/443"}, 10, {SYN}},
	{{"1000/1h packets", "10/1h packets endpoint udp/443"}, 10, {.frame_bytes = 60}},
	{{"10/1h packets", "1000/1h packets endpoint udp/443"}, 10, {.frame_bytes = 60}},
};

/* Before and after it gets a bucket, the source passes its quota in total. */
static void check_quota(struct program *program, const struct quota *quota)
{
	struct policy_text text = {0};
	struct xrl_flood flood = gate_flood(1000000, 1000000);
	__u64 before = traffic_packets(program, XRL_passed_newcomer), admitted;
	struct frame_spec spec = quota->spec;
	struct xrl_bucket bucket;
	__u32 passed = 0;

	memcpy(text.classes[0].limits, quota->limits, sizeof(quota->limits));
	gate_begin(program, &text, &flood);
	spec.source = gate_source;
	for (__u32 i = 0; i < quota->packets + SENT; i++)
		passed += gate_passes(program, &spec);
	admitted = traffic_packets(program, XRL_passed_newcomer) - before;
	tap_ok(passed == quota->packets && program_read_bucket(program, gate_source, &bucket),
	       "%s%s%s: exactly %u pass", quota->limits[0], quota->limits[1] ? ", " : "",
	       quota->limits[1] ? quota->limits[1] : "", quota->packets);
	tap_note("%u passed, %llu of them before the bucket", passed, admitted);
}

/* The packet that creates the bucket goes to a port without a limit. */
static void check_other_port(struct program *program)
{
	struct policy_text text = {.classes = {{.limits = {"10/1h packets endpoint udp/443"}}}};
	struct xrl_flood flood = gate_flood(1000000, 1000000);
	struct frame_spec spec = {.source = gate_source};
	struct frame_spec other = {.destination_port = 53, .source = gate_source};
	__u32 passed = 0;

	gate_begin(program, &text, &flood);
	for (int i = 0; i < XRL_GATE_FEW; i++)
		passed += gate_passes(program, &spec);
	gate_passes(program, &other);
	for (int i = 0; i < SENT; i++)
		passed += gate_passes(program, &spec);
	tap_ok(passed <= 10, "carry-over counts if a packet to another port creates the bucket");
	tap_note("%u passed", passed);
}

/* Another limit rejects, for 100 ms, the packet that creates the bucket. */
static void check_rejected_meanwhile(struct program *program)
{
	struct policy_text text = {
		.classes = {{.limits = {"2/100ms packets", "5/1h packets endpoint udp/443"}}}};
	struct xrl_flood flood = gate_flood(1000000, 1000000);
	struct frame_spec spec = {.source = gate_source};
	__u32 passed = 0;

	gate_begin(program, &text, &flood);
	for (int i = 0; i < SENT; i++) {
		passed += gate_passes(program, &spec);
		if (i >= 4)
			usleep(20000);
	}
	tap_ok(passed == 5, "carry-over counts if another limit rejects meanwhile");
	tap_note("%u passed", passed);
}

/* Packets that a limit shared with others rejects are not carried over. */
static void check_rejected_by_class(struct program *program)
{
	struct policy_text text = {
		.classes = {{.limits = {"4/1h packets", "1/1s packets scope class"}}}};
	struct xrl_flood flood = gate_flood(1000000, 1000000);
	struct frame_spec spec = {.source = gate_source}, other = {.source = {{10, 9, 9, 9}}};
	__u32 rejected = 0, passed = 0;

	gate_begin(program, &text, &flood);
	gate_passes(program, &other);
	for (int i = 0; i < XRL_GATE_FEW; i++)
		rejected += !gate_passes(program, &spec);
	for (int i = 0; i < XRL_GATE_FEW; i++) {
		usleep(1100000);
		passed += gate_passes(program, &spec);
	}
	tap_ok(rejected == XRL_GATE_FEW && passed == XRL_GATE_FEW,
	       "packets that the class rejects are not carried over");
	tap_note("%u rejected, then %u passed", rejected, passed);
}

/* ---- residents that the gate has forgotten ---- */

/* With and without units left in the bucket. */
static void check_lost_bits(struct program *program)
{
	struct frame_spec spec = {.source = gate_source};
	struct xrl_flood flood = gate_flood(1000, 1000);
	__u32 admitted, passed = 0;

	gate_begin(program, &gate_daily, &flood);
	admitted = traffic_packets(program, XRL_passed_newcomer);
	for (int i = 0; i < 7; i++)
		passed += gate_passes(program, &spec);
	admitted = traffic_packets(program, XRL_passed_newcomer) - admitted;
	for (int i = 0; i < 5; i++) {
		gate_clear(program);
		passed += gate_passes(program, &spec);
	}
	tap_ok(passed == 10,
	       "a forgotten resident is charged to its bucket while it has units left");
	tap_note("%u passed, %u of them before the bucket", passed, admitted);
	gate_clear(program);
	gate_budgets(program)->first.max_units = 0;
	tap_ok(gate_counter(program, &spec) == XRL_dropped_newcomers &&
	               gate_counter(program, &spec) == XRL_dropped_packets_limit,
	       "without budget, it is found again with its second packet");
}

/* A scoped bucket outlives the source's own: it is charged at once, and not again by carry-over. */
static void check_lost_bits_scoped(struct program *program)
{
	struct policy_text text = {
		.classes = {{.limits = {"1000/1h packets", "20/1h packets endpoint udp/443"}}}};
	struct xrl_flood flood = gate_flood(1000000, 1000000);
	struct frame_spec spec = {.source = gate_source};
	__u32 passed = 0;

	gate_begin(program, &text, &flood);
	for (int i = 0; i < 6; i++)
		passed += gate_passes(program, &spec);
	gate_clear(program);
	bpf_map_delete_elem(program->buckets, &gate_source);
	for (int i = 0; i < SENT; i++)
		passed += gate_passes(program, &spec);
	tap_ok(passed == 20, "a scoped bucket that outlives the source's own is charged once");
	tap_note("%u passed", passed);
}

/* ---- an offender that pauses ---- */

/* Each pause lets in more spoofed sources than the gate can remember. The first packet precedes the
 * flood, while there is budget for it; in the flood, chance would decide whether it ever passes. */
static void check_pauses(struct program *program)
{
	struct xrl_flood flood = gate_flood(GATE_MAX_PACKETS, GATE_MAX_PACKETS);
	struct frame_spec spec = {.source = gate_source};
	__u32 passed = 0;

	gate_begin(program, &gate_hourly, &flood);
	spoofed_set_sources(SPOOFED_FIRST, SPOOFED_COUNT);
	for (int i = 0; i < SENT; i++) {
		passed += gate_passes(program, &spec);
		spoofed_run(PAUSE_PACKETS);
	}
	tap_ok(passed == 10, "10/1h: exactly 10 pass for a source that pauses during a flood");
	tap_note("%u of %d passed", passed, SENT);
}

/* A flood separates the first packets of the source from the others. */
static void check_across_flood(struct program *program)
{
	struct xrl_flood flood = gate_flood(1000000, 1000000);
	struct frame_spec spec = {.source = gate_source};
	__u32 before = 0, after = 0;

	gate_begin(program, &gate_hourly, &flood);
	for (int i = 0; i < XRL_GATE_FEW - 1; i++)
		before += gate_passes(program, &spec);
	spoofed_set_sources(SPOOFED_FIRST, SPOOFED_COUNT);
	spoofed_start(1);
	usleep(3 * FLOOD_US);
	spoofed_stop();
	for (int i = 0; i < SENT; i++)
		after += gate_passes(program, &spec);
	tap_ok(before == XRL_GATE_FEW - 1 && before + after == 10,
	       "10/1h: packets admitted before a flood still count after it");
	tap_note("%u passed before the flood, %u after", before, after);
}

static void end_flood(const struct program *program, __u64 idle_ns)
{
	program->flood->since_boot_ns = boot_ns() - idle_ns;
	program->flood->engaged_until_jiffies = 0;
}

/* The gate disengages between the first packets of the source and the others. */
static void check_disengaged(struct program *program, __u64 idle_ns, __u32 expected)
{
	struct xrl_flood flood = gate_flood(1000000, 1000000);
	struct frame_spec spec = {.source = gate_source};
	__u32 before = 0, after = 0;

	gate_begin(program, &gate_hourly, &flood);
	for (int i = 0; i < XRL_GATE_FEW; i++)
		before += gate_passes(program, &spec);
	end_flood(program, idle_ns);
	for (int i = 0; i < SENT; i++)
		after += gate_passes(program, &spec);
	tap_ok(before == XRL_GATE_FEW && after == expected,
	       "10/1h: %u admitted packets count %llu s after the gate disengaged", 10 - expected,
	       idle_ns / SECOND_NS);
	tap_note("%u passed before, %u after", before, after);
}

/* The previous flood ended longer ago than the period of any limit. */
static void check_next_flood(struct program *program)
{
	struct xrl_flood flood = gate_flood(1000000, 1000000);
	struct frame_spec spec = {.source = gate_source};
	__u32 era, before = 0, after = 0;

	gate_begin(program, &gate_hourly, &flood);
	for (int i = 0; i < XRL_GATE_FEW - 1; i++)
		before += gate_passes(program, &spec);
	era = program->flood->era;
	end_flood(program, 3601 * SECOND_NS);
	spoofed_set_sources(SPOOFED_FIRST, SPOOFED_COUNT);
	for (int i = 0; i < 100 && !program->flood->engaged_until_jiffies; i++)
		spoofed_run(10000);
	for (int i = 0; i < SENT; i++)
		after += gate_passes(program, &spec);
	tap_ok(program->flood->era != era && before == XRL_GATE_FEW - 1 && after == 10,
	       "10/1h: packets admitted in a flood an hour ago no longer count");
	tap_note("%u passed before, %u after", before, after);
}

/* ---- two CPUs ---- */

/* The packets passed that have the length of the source's frames, not that of the flood's. A CPU
 * may be between the counts of packets and bytes of one such packet, which rounding absorbs. */
static __u64 passed_long(const struct program *program)
{
	struct xrl_counter_pair sum[XRL_COUNTERS];
	__u64 packets = 0, bytes = 0;

	program_read_counters(program, sum);
	for (__u32 i = 0; i < XRL_DROPPED_BASE; i++) {
		packets += sum[i].packets;
		bytes += sum[i].bytes;
	}
	return (bytes - packets * SPOOFED_BYTES + MORE_BYTES / 2) / MORE_BYTES;
}

/* One source sends from both CPUs while both also flood. The gate may reject all of a source, but
 * never admits a packet too many. `with_bucket`: the source has a bucket from an earlier policy,
 * unknown to the gate. */
static void check_two_cpus(struct program *program, const struct policy_text *text, __u64 packets,
                           int with_bucket)
{
	struct xrl_flood flood = gate_flood(1000000, 1000000);
	struct frame_spec spec = {.frame_bytes = LONG_BYTES, .source = gate_source};
	__u64 most = 0, exact = 0;

	gate_begin(program, text, &flood);
	spoofed_set_sources(SPOOFED_FIRST, SPOOFED_COUNT);
	spoofed_start(SPOOFED_FLOODS);
	for (int round = 0; round < ROUNDS; round++) {
		__u64 before = passed_long(program), passed;

		spec.source.octets[3] = round;
		if (!with_bucket)
			program_delete_bucket(program, spec.source);
		traffic_set(0, &spec);
		traffic_set(1, &spec);
		traffic_start();
		usleep(ROUND_US);
		traffic_stop();
		passed = passed_long(program) - before;
		exact += passed == packets;
		most = passed > most ? passed : most;
	}
	spoofed_stop();
	tap_ok(most == packets && exact >= ROUNDS / 2, "%s, two CPUs in two floods%s: no more pass",
	       text->classes[0].limits[0], with_bucket ? ", with an old bucket" : "");
	tap_note("at most %llu; exactly the limit for %llu of %d sources", most, exact, ROUNDS);
}

int main(void)
{
	static const struct policy_text thousand = {.classes = {{.limits = {"1000/1h packets"}}}};
	struct program program;

	if (gate_open(&program))
		return tap_give_up("cannot load the programs");
	traffic_prepare(&program);
	for (size_t i = 0; i < sizeof(quotas) / sizeof(quotas[0]); i++)
		check_quota(&program, &quotas[i]);
	check_other_port(&program);
	check_rejected_meanwhile(&program);
	check_rejected_by_class(&program);
	check_lost_bits(&program);
	check_lost_bits_scoped(&program);
	check_pauses(&program);
	check_across_flood(&program);
	check_disengaged(&program, 0, 6);
	check_disengaged(&program, 3590 * SECOND_NS, 6);
	check_disengaged(&program, 3601 * SECOND_NS, 10);
	check_next_flood(&program);
	check_two_cpus(&program, &thousand, 1000, 0);
	check_two_cpus(&program, &gate_daily, 10, 1);
	check_two_cpus(&program, &gate_hourly, 10, 0);
	gate_close(&program);
	return tap_done();
}
