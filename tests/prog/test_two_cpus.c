// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Two CPUs at full speed, with one source each or with the same source: shared buckets, several
 * limits at once, penalties, and policies that replace each other meanwhile. */

#include <netinet/in.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "tests/prog/lib/frame.h"
#include "user/policy/limit.h"
#include "tests/prog/lib/program.h"
#include "tests/prog/lib/policy.h"
#include "tests/tap.h"
#include "tests/prog/lib/traffic.h"
#include "tests/units.h"

#define PERIOD_NS    (100 * MS_NS)
#define WINDOWS      10
#define GIVE_UP_NS   (20000 * MS_NS)
#define SMALL_BYTES  60
#define LARGE_BYTES  100
#define ROUND_FRAMES 20000
#define SWITCHES     1000
#define FEW_SWITCHES 50 /* enough on a slow machine, such as an emulated one */
#define SAME_EVERY   8
#define SECONDS      1
#define PERMITS      20
#define FAR          "900000000/1h packets"

static const struct xrl_address sources[] = {{{203, 0, 113, 9}}, {{203, 0, 113, 77}}};

/* Sender i sends from source `from[i]` to port `to[i]`. */
static void send_as(const __u32 from[TRAFFIC_CPUS], const __u32 to[TRAFFIC_CPUS])
{
	for (int i = 0; i < TRAFFIC_CPUS; i++) {
		struct frame_spec spec = {.destination_port = to[i],
		                          .frame_bytes = i ? LARGE_BYTES : SMALL_BYTES,
		                          .source = sources[from[i]]};

		traffic_set(i, &spec);
	}
}

static void activate(struct program *program, const struct policy_text *text)
{
	program_activate(program, text);
	program_delete_bucket(program, sources[0]);
	program_delete_bucket(program, sources[1]);
}

static const struct xrl_class *active_class(const struct program *program)
{
	return &program->policies[program->meta->generation & 1].classes[0];
}

/* The usage of a scoped limit. */
static __u64 used_of_scoped(const struct program *program, const struct xrl_limit *limit,
                            struct xrl_address address)
{
	struct xrl_separate_key key = {.address = address, .limit_id = limit->id};
	struct xrl_separate_bucket bucket = {};
	__u32 copy = program->meta->generation & 1, id;
	int map;

	if (limit->scope_bits == XRL_SCOPE_CLASS)
		return program->class_buckets[limit->id].bucket.window.used_units;
	if (bpf_map_lookup_elem(program->separate_buckets, &copy, &id))
		return 0;
	map = bpf_map_get_fd_by_id(id);
	bpf_map_lookup_elem(map, &key, &bucket);
	close(map);
	return bucket.window.used_units;
}

static __u64 used_of_own(const struct program *program, struct xrl_address source)
{
	struct xrl_bucket bucket = {};

	program_read_bucket(program, source, &bucket);
	return bucket.windows[0].used_units;
}

/* Both sources share a limit of `packets`: all windows except the last one fill up. */
static void check_windows(struct program *program, const char *limit, __u64 packets,
                          struct xrl_address bucket)
{
	static const __u32 both[] = {0, 1}, port[] = {443, 443};
	struct policy_text text = {.classes = {{.limits = {limit}}}};
	__u64 before = traffic_packets(program, XRL_passed_within_limits);
	__u64 begin_ns = boot_ns(), passed, last, sent, windows;

	activate(program, &text);
	send_as(both, port);
	traffic_start();
	do {
		usleep(TRAFFIC_POLL_US);
		passed = traffic_packets(program, XRL_passed_within_limits) - before;
	} while (passed <= WINDOWS * packets && boot_ns() < begin_ns + GIVE_UP_NS);
	sent = traffic_stop();
	passed = traffic_packets(program, XRL_passed_within_limits) - before;
	last = used_of_scoped(program, &active_class(program)->separate[0], bucket);
	windows = (passed - last) / packets;
	tap_ok(sent && (passed - last) % packets == 0 && windows >= WINDOWS,
	       "%s: exactly as many pass in every window of two sources", limit);
	tap_ok(windows <= (boot_ns() - begin_ns) / PERIOD_NS, "%s: no window ends early", limit);
	tap_note("%llu of %llu passed in %llu windows and a last one of %llu", passed, sent,
	         windows, last);
}

/* The limit in the class that came from texts[which], if the class was made from both texts. */
static struct xrl_limit *limit_of(struct xrl_class *class, const char *const texts[2], int which)
{
	struct xrl_limit first = limit_from_text(texts[0]), limit = limit_from_text(texts[which]);
	int is_second = which && limit_is_scoped(&first) == limit_is_scoped(&limit);

	return limit_is_scoped(&limit) ? &class->separate[is_second] : &class->limits[is_second];
}

static __u64 used_of(const struct program *program, const char *const texts[2], int which)
{
	struct xrl_class class = *active_class(program);
	struct xrl_limit *limit = limit_of(&class, texts, which);

	if (limit_is_scoped(limit))
		return used_of_scoped(program, limit, sources[0]);
	return used_of_own(program, sources[0]);
}

/* Two limits of one source: the narrow one fills up thousands of times, the wide one never does. A
 * packet that one rejects costs nothing of the other. The period of the narrow one is reduced from
 * 100 ms to 1 ms, less than a policy file may ask for. */
static void check_two_limits(struct program *program, const char *wide, const char *narrow_first,
                             const char *narrow_last)
{
	static const __u32 same[] = {0, 0}, port[] = {53, 53};
	const char *texts[2] = {narrow_first ? narrow_first : wide,
	                        narrow_last ? narrow_last : wide};
	struct policy_text text = {.classes = {{.limits = {texts[0], texts[1]}}}};
	__u64 before, passed, used;
	struct xrl_limit *narrow;
	struct xrl_class *class;

	activate(program, &text);
	class = &program_edit_policy(program)->classes[0];
	narrow = limit_of(class, texts, !narrow_first);
	narrow->period_ns = MS_NS;
	limit_derive(narrow);
	class_complete(class);
	program_commit(program);
	before = traffic_packets(program, XRL_passed_within_limits);
	send_as(same, port);
	traffic_start();
	sleep(SECONDS);
	traffic_stop();
	passed = traffic_packets(program, XRL_passed_within_limits) - before;
	used = used_of(program, texts, narrow_first != NULL);
	tap_ok(passed && used == passed,
	       "%s, %s: a packet that one rejects costs nothing of the other", texts[0], texts[1]);
	tap_note("%llu passed, the wide limit has %llu used", passed, used);
}

/* One CPU sends to an endpoint, the other to another port, until the source's own limit is full:
 * both counts are exact. The frame sizes tell which packets passed. */
static void check_endpoint(struct program *program)
{
	static const __u32 same[] = {0, 0}, ports[] = {53, 54};
	static const struct policy_text text = {
		.classes = {{.limits = {"3000/1h packets", "1000/1h packets endpoint udp/53"}}}};
	struct xrl_counter_pair before = traffic_count(program, XRL_passed_within_limits), after;
	__u64 small, own, scoped;

	activate(program, &text);
	send_as(same, ports);
	traffic_start();
	usleep(200000);
	traffic_stop();
	after = traffic_count(program, XRL_passed_within_limits);
	after.packets -= before.packets;
	after.bytes -= before.bytes;
	small = (after.packets * LARGE_BYTES - after.bytes) / (LARGE_BYTES - SMALL_BYTES);
	own = used_of_own(program, sources[0]);
	scoped = used_of_scoped(program, &active_class(program)->separate[0], sources[0]);
	tap_ok(after.packets == 3000 && own == 3000, "a source's own limit is exact");
	tap_ok(scoped == small && small <= 1000, "the endpoint's limit has charged what passed");
	tap_note("%llu of %llu went to the endpoint, which has %llu used", small, after.packets,
	         scoped);
}

/* Each packet over the limit begins one penalty, during which nothing passes. */
static void check_penalty(struct program *program)
{
	static const __u32 same[] = {0, 0}, port[] = {443, 443};
	static const struct policy_text text = {
		.classes = {{.limits = {"1000/100ms packets"}, .penalty = "1/200ms packets"}}};
	__u64 passed = traffic_packets(program, XRL_passed_within_limits);
	__u64 rejected = traffic_packets(program, XRL_dropped_packets_limit);
	__u64 begin_ns = boot_ns(), most, least;

	activate(program, &text);
	send_as(same, port);
	traffic_start();
	sleep(2 * SECONDS);
	least = (boot_ns() - begin_ns) / (400 * MS_NS);
	traffic_stop();
	most = (boot_ns() - begin_ns) / (200 * MS_NS) + 1;
	passed = traffic_packets(program, XRL_passed_within_limits) - passed;
	rejected = traffic_packets(program, XRL_dropped_packets_limit) - rejected;
	tap_ok(passed <= 1000 * most && passed >= 1000 * least,
	       "a penalty stops both CPUs, and ends");
	tap_ok(rejected <= TRAFFIC_CPUS * most && rejected >= least,
	       "the first packet over the limit begins it");
	tap_note("%llu passed, %llu rejected, %llu to %llu penalties", passed, rejected, least,
	         most);
}

/* Both CPUs see a permit expire at the same moment: exactly one window opens, and it is exact to
 * the one packet that the other CPU has in progress, which may be decided with the permit and
 * charged without it, or vice versa. */
static void check_permit_end(struct program *program)
{
	static const __u32 same[] = {0, 0}, port[] = {443, 443};
	static const struct policy_text text = {
		.classes = {{.limits = {"1000/1h packets"}}, {.limits = {FAR}}}, .permitted = 1};
	int exact = 0;

	send_as(same, port);
	for (int i = 0; i < PERMITS; i++) {
		__u64 before = traffic_packets(program, XRL_passed_within_limits), passed, until_ns;

		activate(program, &text);
		until_ns = boot_ns() + PERIOD_NS;
		program_permit(program, sources[0], until_ns);
		traffic_start();
		do {
			usleep(TRAFFIC_POLL_US);
			passed = traffic_packets(program, XRL_passed_within_limits) - before;
		} while (boot_ns() < until_ns + PERIOD_NS / 2 ||
		         (passed < 999 && boot_ns() < until_ns + GIVE_UP_NS));
		traffic_stop();
		passed = traffic_packets(program, XRL_passed_within_limits) - before;
		exact += passed >= 999 && passed <= 1001;
		if (passed != 1000)
			tap_note("%llu passed", passed);
	}
	program_permit(program, sources[0], 0);
	tap_ok(exact == PERMITS, "a permit expires once for two CPUs");
}

/* The first source is in the default class, which either rejects all packets but one or trusts it;
 * the second source changes class. No source is in a monitoring class, except with the CIDRs of the
 * other policy. */
static const struct policy_text policies[] = {
	{.classes = {{.limits = {"1/31d packets"}},
                     {.limits = {"1/31d bytes"}, .sources = "203.0.113.64/26 203.0.113.64/27"},
                     {.limits = {"1/31d bytes"}, .action = XRL_MONITOR}}},
	{.classes = {{.limits = {NULL}},
                     {.limits = {"1/31d bytes"},
                      .sources = "203.0.113.64/27",
                      .action = XRL_MONITOR},
                     {.limits = {NULL}, .sources = "203.0.113.77/32 203.0.0.0/20"}}},
};

struct switches {
	struct xrl_policy compiled[2];
	int held[XRL_COPIES]; /* which of them is in each copy */
};

/* Fills the inactive copy once no packet reads it. The limits stay the same. */
static void switch_to(struct program *program, struct switches *switches, int which)
{
	__u32 copy = (program->meta->generation + 1) & 1;

	if (switches->held[copy] != which) {
		program_wait_for_readers(program);
		*program_next_policy(program) = switches->compiled[which];
		program_set_text_cidrs(program, &policies[which]);
		switches->held[copy] = which;
	}
	program_commit(program);
}

static int only_moved(const struct xrl_counter_pair *before, const struct xrl_counter_pair *after)
{
	static const __u32 may[] = {XRL_passed_trusted, XRL_dropped_packets_limit,
	                            XRL_dropped_bytes_limit};
	int good = 1;

	for (__u32 i = 0; i < XRL_COUNTERS; i++) {
		__u64 packets = after[i].packets - before[i].packets;
		int expected = i == may[0] || i == may[1] || i == may[2];

		if (packets)
			tap_note("%llu %s", packets, counter_name(i));
		if (i == XRL_passed_within_limits)
			good &= packets == 1;
		else
			good &= expected == (packets > 0);
	}
	return good;
}

/* Returns the number of switches. The policies alternate, and now and then one repeats, so that
 * each copy holds either policy in turn. */
static int switch_often(struct program *program, struct switches *switches)
{
	__u64 begin_ns = boot_ns();
	int i;

	for (i = 0; i < SWITCHES && boot_ns() < begin_ns + GIVE_UP_NS; i++) {
		switch_to(program, switches, (i + 1 + (i + 1) / SAME_EVERY) % 2);
		usleep(TRAFFIC_POLL_US / 2);
	}
	return i;
}

static void check_switches(struct program *program)
{
	static const __u32 both[] = {0, 1}, port[] = {443, 443};
	static struct switches switches;
	struct xrl_counter_pair before[XRL_COUNTERS], after[XRL_COUNTERS];
	__u64 begin_ns = boot_ns(), sent, counted;
	int count;

	for (int i = 1; i >= 0; i--) {
		activate(program, &policies[i]);
		switches.compiled[i] = program->policies[program->meta->generation & 1];
		switches.held[program->meta->generation & 1] = i;
	}
	program_read_counters(program, before);
	counted = traffic_all_packets(program);
	send_as(both, port);
	traffic_start_rounds(ROUND_FRAMES);
	count = switch_often(program, &switches);
	sent = traffic_stop_rounds();
	counted = traffic_all_packets(program) - counted;
	program_read_counters(program, after);
	tap_ok(count >= FEW_SWITCHES && sent && sent == counted,
	       "policies switched under traffic: every packet is counted");
	tap_ok(only_moved(before, after), "every verdict follows one policy");
	tap_note("%d policies, %llu packets in %llu ms", count, sent,
	         (boot_ns() - begin_ns) / MS_NS);
}

int main(void)
{
	static const struct xrl_address prefix = {{203, 0, 113, 0}};
	struct program_options options = {.entry = PROGRAM_FRAGS};
	struct program program;

	if (program_open(&program, &options))
		return tap_give_up("cannot load the program");
	traffic_prepare(&program);
	check_windows(&program, "1000/100ms packets scope class", 1000, prefix);
	check_windows(&program, "1000/100ms packets scope /24", 1000, prefix);
	check_windows(&program, "10/100ms packets scope /24", 10, prefix);
	check_two_limits(&program, FAR " endpoint udp/53", "20/100ms packets", NULL);
	check_two_limits(&program, FAR, NULL, "20/100ms packets endpoint udp/53");
	check_two_limits(&program, FAR, NULL, "20/100ms packets scope class");
	check_two_limits(&program, FAR " endpoint udp/53", NULL, "20/100ms packets scope class");
	check_two_limits(&program, FAR " scope class", NULL, "20/100ms packets endpoint udp/53");
	check_endpoint(&program);
	check_penalty(&program);
	check_permit_end(&program);
	check_switches(&program);
	program_close(&program);
	return tap_done();
}
