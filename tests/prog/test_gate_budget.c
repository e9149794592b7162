// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* What the gate lets pass of sources that have no bucket, and that it is part of what their class
 * grants them. */

#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "user/policy/gate.h"
#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/program.h"
#include "tests/prog/lib/policy.h"
#include "tests/prog/lib/spoofed.h"
#include "tests/tap.h"
#include "tests/prog/lib/traffic.h"
#include "tests/units.h"

#define BUCKETS       1024
#define FLOOD_US      1200000
#define SENT          40
#define MORE_BYTES    1000
#define LONG_BYTES    (SPOOFED_BYTES + MORE_BYTES)
#define ROUNDS        12
#define PAUSE_PACKETS 600000
#define ROUND_US      100000

static const struct xrl_address source = {{10, 1, 2, 3}};

static int open_all(struct program *program)
{
	struct program_options options = {.entry = PROGRAM_FRAGS, .sources = BUCKETS};

	return program_open(program, &options) || spoofed_open(program);
}

static struct xrl_flood flood_of(__u64 newcomers, __u64 prefix)
{
	struct xrl_flood flood;

	flood_set_default(&flood);
	flood.newcomers_packets = newcomers;
	flood.prefix_packets = prefix;
	return flood;
}

/* Nobody is known, and the gate is engaged. */
static void begin(struct program *program, const struct policy_text *text,
                  const struct xrl_flood *flood)
{
	static const struct xrl_gate_line empty;

	spoofed_activate(program, text, flood);
	for (__u32 i = 0; i < program->flood->lines; i++)
		bpf_map_update_elem(program->gate, &i, &empty, BPF_ANY);
	program_delete_bucket(program, source);
	memset(&program->flood->newcomers, 0, sizeof(program->flood->newcomers));
	memset(&program->flood->first, 0, sizeof(program->flood->first));
	memset(&program->flood->promoted, 0, sizeof(program->flood->promoted));
	spoofed_engage(program);
}

static int passes(const struct program *program, const struct frame_spec *spec)
{
	unsigned char frame[FRAME_ROOM];

	return program_run(program, frame, frame_build(spec, frame), NULL) == XDP_PASS;
}

static __u32 counter_of(const struct program *program, const struct frame_spec *spec)
{
	unsigned char frame[FRAME_ROOM];

	return program_run_counter(program, frame, frame_build(spec, frame));
}

/* ---- budgets ---- */

static const struct policy_text hourly = {.classes = {{.limits = {"10/1h packets"}}}};
static const struct policy_text daily = {.classes = {{.limits = {"10/1d packets"}}}};

struct passed {
	__u64 packets, most;
};

/* Floods for a while. `most`: of so many in each slice that the flood was part of, of which the
 * first and the last one may have begun before, or ended later. */
static struct passed flood_for_a_while(const struct program *program,
                                       const struct xrl_share *budget)
{
	__u64 before = traffic_packets(program, XRL_passed_newcomer), begin_ns = boot_ns();
	struct passed passed;
	__u64 intervals;

	spoofed_start(1);
	usleep(FLOOD_US);
	spoofed_stop();
	intervals = (boot_ns() - begin_ns) / spoofed_interval_ns(budget) + 2;
	passed.packets = traffic_packets(program, XRL_passed_newcomer) - before;
	passed.most = intervals * budget->max_units;
	return passed;
}

static const struct policy_text brief = {.classes = {{.limits = {"10/1s packets"}}}};

static void check_budget(struct program *program)
{
	struct xrl_flood flood = flood_of(20000, 20000);
	struct passed passed;

	begin(program, &brief, &flood);
	spoofed_set_sources(SPOOFED_FIRST, SPOOFED_COUNT);
	/* now and then an invented one comes twice, and has the other half */
	passed = flood_for_a_while(program, &spoofed_flood(program)->newcomers);
	tap_ok(passed.packets <= passed.most * 6 / 10 && passed.packets >= passed.most / 4,
	       "first-timers pass within half of the budget of all");
	tap_note("%llu of %llu", passed.packets, passed.most);

	/* there is room for all of them in the lines */
	begin(program, &brief, &flood);
	spoofed_set_sources(SPOOFED_FIRST, 5000);
	passed = flood_for_a_while(program, &spoofed_flood(program)->newcomers);
	tap_ok(passed.packets <= passed.most && passed.packets > passed.most * 6 / 10,
	       "those that come again pass within all of it");
	tap_note("%llu of %llu", passed.packets, passed.most);
}

/* What passes for the first time is remembered for as long as the limit lasts, or for half an hour:
 * there isn't room for more. */
static void check_retention_budget(struct program *program)
{
	struct xrl_flood flood = flood_of(FLOOD_MAX_PACKETS, FLOOD_MAX_PACKETS);
	__u64 passed = traffic_packets(program, XRL_passed_newcomer), begin_ns, intervals;
	const struct xrl_share *budget;

	begin(program, &daily, &flood);
	spoofed_set_sources(SPOOFED_FIRST, SPOOFED_COUNT);
	begin_ns = boot_ns();
	/* in order, so that none comes twice */
	while (boot_ns() < begin_ns + FLOOD_US * 1000)
		spoofed_run_next(100000);
	budget = &spoofed_flood(program)->first;
	intervals = (boot_ns() - begin_ns) / spoofed_interval_ns(budget) + 2;
	passed = traffic_packets(program, XRL_passed_newcomer) - passed;
	tap_ok(passed && passed <= intervals * budget->max_units && budget->max_units < BUCKETS,
	       "first-timers pass as far as they can be remembered for a day");
	tap_note("%llu of %llu", passed, intervals * budget->max_units);
}

static void check_prefix_budget(struct program *program)
{
	struct xrl_flood flood = flood_of(1000000, 100);
	__u64 rejected = traffic_packets(program, XRL_dropped_newcomers_prefix);
	struct passed passed;

	begin(program, &daily, &flood);
	/* all remain newcomers: who is given a bucket is no longer one of those that are counted */
	program->policies[program->meta->generation & 1].flood.promoted.max_units = 0;
	spoofed_set_sources(SPOOFED_FIRST, 256);
	passed = flood_for_a_while(program, &spoofed_flood(program)->prefix);
	rejected = traffic_packets(program, XRL_dropped_newcomers_prefix) - rejected;
	tap_ok(passed.packets <= passed.most && passed.packets >= passed.most / 4 && rejected,
	       "sources of a /24 pass within its budget");
	tap_note("%llu of %llu, %llu refused", passed.packets, passed.most, rejected);
}

/* ---- counted in ---- */

struct quota {
	const char *limits[3];
	__u32 packets; /* that it grants, of such: */
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

/* In all, the quota; some of them passed before there was a bucket. */
static void check_quota(struct program *program, const struct quota *quota)
{
	struct policy_text text = {0};
	struct xrl_flood flood = flood_of(1000000, 1000000);
	__u64 before = traffic_packets(program, XRL_passed_newcomer), admitted;
	struct frame_spec spec = quota->spec;
	struct xrl_bucket bucket;
	__u32 passed = 0;

	memcpy(text.classes[0].limits, quota->limits, sizeof(quota->limits));
	begin(program, &text, &flood);
	spec.source = source;
	for (__u32 i = 0; i < quota->packets + SENT; i++)
		passed += passes(program, &spec);
	admitted = traffic_packets(program, XRL_passed_newcomer) - before;
	tap_ok(passed == quota->packets && program_read_bucket(program, source, &bucket),
	       "%s%s%s: %u pass, no more and no less", quota->limits[0],
	       quota->limits[1] ? ", " : "", quota->limits[1] ? quota->limits[1] : "",
	       quota->packets);
	tap_note("%u passed, %llu of them early", passed, admitted);
}

/* Early to one port, and then first of all to another one. */
static void check_other_port(struct program *program)
{
	struct policy_text text = {.classes = {{.limits = {"10/1h packets endpoint udp/443"}}}};
	struct xrl_flood flood = flood_of(1000000, 1000000);
	struct frame_spec spec = {.source = source},
			  other = {.destination_port = 53, .source = source};
	__u32 passed = 0;

	begin(program, &text, &flood);
	for (int i = 0; i < XRL_GATE_FEW; i++)
		passed += passes(program, &spec);
	passes(program, &other);
	for (int i = 0; i < SENT; i++)
		passed += passes(program, &spec);
	tap_ok(passed <= 10, "what passed early counts, whatever came in between");
	tap_note("%u passed", passed);
}

/* The packet that the bucket is made for is refused by another limit, for a moment. */
static void check_rejected_meanwhile(struct program *program)
{
	struct policy_text text = {
		.classes = {{.limits = {"2/100ms packets", "5/1h packets endpoint udp/443"}}}};
	struct xrl_flood flood = flood_of(1000000, 1000000);
	struct frame_spec spec = {.source = source};
	__u32 passed = 0;

	begin(program, &text, &flood);
	for (int i = 0; i < SENT; i++) {
		passed += passes(program, &spec);
		if (i >= 4)
			usleep(20000);
	}
	tap_ok(passed == 5, "what passed early counts, though another limit refuses meanwhile");
	tap_note("%u passed", passed);
}

/* ---- an offender that pauses ---- */

/* Each time so many invented ones come in between that there is no room to remember them all. The
 * first packet comes before them, while there is a share for it: in a flood it would be for chance
 * to say whether it ever passes. */
static void check_pauses(struct program *program)
{
	struct xrl_flood flood = flood_of(FLOOD_MAX_PACKETS, FLOOD_MAX_PACKETS);
	struct frame_spec spec = {.source = source};
	__u32 passed = 0;

	begin(program, &hourly, &flood);
	spoofed_set_sources(SPOOFED_FIRST, SPOOFED_COUNT);
	for (int i = 0; i < SENT; i++) {
		passed += passes(program, &spec);
		spoofed_run(PAUSE_PACKETS);
	}
	tap_ok(passed == 10, "10/1h: no more of one that sends now and then in a flood, nor less");
	tap_note("%u of %d passed", passed, SENT);
}

/* A flood comes between its first packets and the others. */
static void check_across_flood(struct program *program)
{
	struct xrl_flood flood = flood_of(1000000, 1000000);
	struct frame_spec spec = {.source = source};
	__u32 before = 0, after = 0;

	begin(program, &hourly, &flood);
	for (int i = 0; i < XRL_GATE_FEW - 1; i++)
		before += passes(program, &spec);
	spoofed_set_sources(SPOOFED_FIRST, SPOOFED_COUNT);
	spoofed_start(1);
	usleep(3 * FLOOD_US);
	spoofed_stop();
	for (int i = 0; i < SENT; i++)
		after += passes(program, &spec);
	tap_ok(before == XRL_GATE_FEW - 1 && before + after == 10,
	       "10/1h: what passed before a flood is remembered behind it");
	tap_note("%u passed before it, %u after", before, after);
}

static void end_flood(const struct program *program, __u64 idle_ns)
{
	program->flood->since_boot_ns = boot_ns() - idle_ns;
	program->flood->engaged_until_jiffies = 0;
}

/* The gate gets out of the way between its first packets and the others. */
static void check_disengaged(struct program *program, __u64 idle_ns, __u32 expected)
{
	struct xrl_flood flood = flood_of(1000000, 1000000);
	struct frame_spec spec = {.source = source};
	__u32 before = 0, after = 0;

	begin(program, &hourly, &flood);
	for (int i = 0; i < XRL_GATE_FEW; i++)
		before += passes(program, &spec);
	end_flood(program, idle_ns);
	for (int i = 0; i < SENT; i++)
		after += passes(program, &spec);
	tap_ok(before == XRL_GATE_FEW && after == expected,
	       "10/1h: of what passed, %u count %llu s after the gate got out of the way",
	       10 - expected, idle_ns / SECOND_NS);
	tap_note("%u passed before, %u after", before, after);
}

/* Of a flood that ended so long ago that no limit remembers it, the next one remembers nothing. */
static void check_next_flood(struct program *program)
{
	struct xrl_flood flood = flood_of(1000000, 1000000);
	struct frame_spec spec = {.source = source};
	__u32 era, before = 0, after = 0;

	begin(program, &hourly, &flood);
	for (int i = 0; i < XRL_GATE_FEW - 1; i++)
		before += passes(program, &spec);
	era = program->flood->era;
	end_flood(program, 3601 * SECOND_NS);
	spoofed_set_sources(SPOOFED_FIRST, SPOOFED_COUNT);
	for (int i = 0; i < 100 && !program->flood->engaged_until_jiffies; i++)
		spoofed_run(10000);
	for (int i = 0; i < SENT; i++)
		after += passes(program, &spec);
	tap_ok(program->flood->era != era && before == XRL_GATE_FEW - 1 && after == 10,
	       "10/1h: the flood of an hour before counts no more");
	tap_note("%u passed before, %u after", before, after);
}

/* What a limit that others share refuses has not passed. */
static void check_rejected_by_class(struct program *program)
{
	struct policy_text text = {
		.classes = {{.limits = {"4/1h packets", "1/1s packets scope class"}}}};
	struct xrl_flood flood = flood_of(1000000, 1000000);
	struct frame_spec spec = {.source = source}, other = {.source = {{10, 9, 9, 9}}};
	__u32 rejected = 0, passed = 0;

	begin(program, &text, &flood);
	passes(program, &other);
	for (int i = 0; i < XRL_GATE_FEW; i++)
		rejected += !passes(program, &spec);
	for (int i = 0; i < XRL_GATE_FEW; i++) {
		usleep(1100000);
		passed += passes(program, &spec);
	}
	tap_ok(rejected == XRL_GATE_FEW && passed == XRL_GATE_FEW,
	       "what the class refuses is not counted as passed");
	tap_note("%u refused, and then %u passed", rejected, passed);
}

/* ---- what is none of its business, and what it forgot ---- */

static void check_zero_cost(struct program *program)
{
	static const struct policy_text text = {.classes = {{.limits = {"10/1h connections"}}}};
	struct frame_spec ack = {.protocol = IPPROTO_TCP, .tcp_flags = FRAME_ACK, .source = source};
	struct frame_spec syn = {.protocol = IPPROTO_TCP, .tcp_flags = FRAME_SYN, .source = source};
	struct frame_spec udp = {.source = source};
	struct xrl_flood flood = flood_of(1000, 1000);
	struct xrl_bucket bucket;

	begin(program, &text, &flood);
	program->policies[program->meta->generation & 1].flood.first.max_units = 0;
	tap_ok(counter_of(program, &ack) == XRL_passed_within_limits &&
	               counter_of(program, &udp) == XRL_passed_within_limits,
	       "only connections count: what is none passes");
	tap_ok(counter_of(program, &syn) == XRL_dropped_newcomers, "a connection is refused");
	tap_ok(!program_read_bucket(program, source, &bucket), "none of them has made a bucket");
}

static void clear_gate(const struct program *program)
{
	static const struct xrl_gate_line empty;

	for (__u32 i = 0; i < program->flood->lines; i++)
		bpf_map_update_elem(program->gate, &i, &empty, BPF_ANY);
}

/* Whether there is room in its bucket or not. */
static void check_lost_bits(struct program *program)
{
	struct frame_spec spec = {.source = source};
	struct xrl_flood flood = flood_of(1000, 1000);
	__u32 admitted, passed = 0;

	begin(program, &daily, &flood);
	admitted = traffic_packets(program, XRL_passed_newcomer);
	for (int i = 0; i < 7; i++)
		passed += passes(program, &spec);
	admitted = traffic_packets(program, XRL_passed_newcomer) - admitted;
	for (int i = 0; i < 5; i++) {
		clear_gate(program);
		passed += passes(program, &spec);
	}
	tap_ok(passed == 10, "bits that are lost: whoever could pass without a bucket has it");
	tap_note("%u passed, %u of them early", passed, admitted);
	clear_gate(program);
	program->policies[program->meta->generation & 1].flood.first.max_units = 0;
	tap_ok(counter_of(program, &spec) == XRL_dropped_newcomers &&
	               counter_of(program, &spec) == XRL_dropped_packets_limit,
	       "who is refused without has it with the second packet");
}

/* A limit with an endpoint keeps its bucket: it is charged at once, and not again. */
static void check_lost_bits_scoped(struct program *program)
{
	struct policy_text text = {
		.classes = {{.limits = {"1000/1h packets", "20/1h packets endpoint udp/443"}}}};
	struct xrl_flood flood = flood_of(1000000, 1000000);
	struct frame_spec spec = {.source = source};
	__u32 passed = 0;

	begin(program, &text, &flood);
	for (int i = 0; i < 6; i++)
		passed += passes(program, &spec);
	clear_gate(program);
	bpf_map_delete_elem(program->buckets, &source);
	for (int i = 0; i < SENT; i++)
		passed += passes(program, &spec);
	tap_ok(passed == 20, "a bucket apart that outlives the source's own is charged once");
	tap_note("%u passed", passed);
}

/* ---- two CPUs ---- */

/* Of those with the length of the source's frames, and not of the flood's. Each CPU may be between
 * the packets and the bytes of one of these. */
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

/* One source from both of them, and floods beside it: to the packet. Not each of them gets in. With
 * the bucket of another policy: the gate doesn't know of it. */
static void check_two_cpus(struct program *program, const struct policy_text *text, __u64 packets,
                           int with_bucket)
{
	struct xrl_flood flood = flood_of(1000000, 1000000);
	struct frame_spec spec = {.frame_bytes = LONG_BYTES, .source = source};
	__u64 most = 0, exact = 0;

	begin(program, text, &flood);
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
	tap_ok(most == packets && exact >= ROUNDS / 2,
	       "%s, two CPUs at once in two floods%s: no more pass", text->classes[0].limits[0],
	       with_bucket ? ", with an old bucket" : "");
	tap_note("at most %llu, and exactly as many of %llu of %d sources", most, exact, ROUNDS);
}

int main(void)
{
	static const struct policy_text thousand = {.classes = {{.limits = {"1000/1h packets"}}}};
	struct program program;

	spoofed_prepare();
	if (open_all(&program))
		return tap_give_up("the programs don't load");
	traffic_prepare(&program);
	for (size_t i = 0; i < sizeof(quotas) / sizeof(quotas[0]); i++)
		check_quota(&program, &quotas[i]);
	check_other_port(&program);
	check_rejected_meanwhile(&program);
	check_zero_cost(&program);
	check_lost_bits(&program);
	check_lost_bits_scoped(&program);
	check_budget(&program);
	check_retention_budget(&program);
	check_prefix_budget(&program);
	check_pauses(&program);
	check_across_flood(&program);
	check_disengaged(&program, 0, 6);
	check_disengaged(&program, 3590 * SECOND_NS, 6);
	check_disengaged(&program, 3601 * SECOND_NS, 10);
	check_next_flood(&program);
	check_rejected_by_class(&program);
	check_two_cpus(&program, &thousand, 1000, 0);
	check_two_cpus(&program, &daily, 10, 1);
	check_two_cpus(&program, &hourly, 10, 0);
	spoofed_close();
	program_close(&program);
	return tap_done();
}
