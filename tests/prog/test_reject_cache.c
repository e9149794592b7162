// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* The reject cache (bpf/bucket/reject_cache.h). An entry lasts until the end of a jiffy, on one
 * CPU. The tests therefore stay on one CPU, and repeat each point so that most repetitions hit the
 * cache. */

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/program.h"
#include "tests/prog/lib/policy.h"
#include "tests/tap.h"
#include "tests/units.h"

#define TIMES       50
#define CLASS_TIMES 4 /* where each repetition waits for map-in-map updates */
#define FLOOD       20000
#define WINDOWS     9
#define PERIOD_NS   100000000ULL
#define FRAME_BYTES 60
#define BIG_BYTES   1200

/* A constant expression; only gcc accepts `source` itself as one. */
#define SOURCE ((struct xrl_address){{198, 51, 100, 9}})
static const struct xrl_address source = SOURCE;
static const struct frame_spec udp = {.frame_bytes = FRAME_BYTES, .source = SOURCE};
static const struct frame_spec big = {
	.frame_bytes = BIG_BYTES, .payload_bytes = BIG_BYTES - 42, .source = SOURCE};
static const struct frame_spec syn = {.protocol = IPPROTO_TCP,
                                      .tcp_flags = FRAME_SYN,
                                      .frame_bytes = FRAME_BYTES,
                                      .source = SOURCE};
static const struct frame_spec tagged = {
	.tags = {0x8100}, .frame_bytes = FRAME_BYTES + 4, .source = SOURCE};
static const struct frame_spec icmp_error = {
	.protocol = IPPROTO_ICMP, .icmp_type = 3, .frame_bytes = FRAME_BYTES, .source = SOURCE};

static int run(const struct program *program, const struct frame_spec *spec)
{
	unsigned char frame[FRAME_ROOM];
	__u32 bytes = frame_build(spec, frame);

	return program_run(program, frame, bytes, NULL);
}

/* Sends the frame, and returns whether it increments this counter. */
static int is_counted(const struct program *program, const struct frame_spec *spec, __u32 counter)
{
	unsigned char frame[FRAME_ROOM];
	__u32 bytes = frame_build(spec, frame);

	return program_run_counter(program, frame, bytes) == counter;
}

static struct xrl_class activate(struct program *program, const char *limit, const char *second)
{
	const char *limits[XRL_MAX_LIMITS] = {limit, second};
	struct xrl_class class = class_from_limits(limits, "1/1h packets", XRL_DROP);

	program_reset_limits(program, &class);
	program_activate_class(program, &class);
	return class;
}

/* Gets the source rejected and into the cache. */
static struct xrl_class reject(struct program *program)
{
	struct xrl_class class = activate(program, "1/1h packets", NULL);

	for (int i = 0; i < 4; i++)
		run(program, &udp);
	return class;
}

static void check_nothing_remembered(struct program *program)
{
	static const struct frame_spec from_zero = {.frame_bytes = FRAME_BYTES};

	activate(program, "1/1h packets", NULL);
	tap_ok(run(program, &from_zero) == XDP_PASS && run(program, &from_zero) == XDP_DROP,
	       "the empty cache has no entry for 0.0.0.0");
}

/* Deletes the bucket; a packet that is rejected anyway did without a lookup. */
static void check_without_bucket(struct program *program)
{
	struct xrl_bucket bucket;
	int without = 0, ended = 0;

	for (int i = 0; i < TIMES && ended == i; i++) {
		__u64 begin_ns;

		reject(program);
		program_delete_bucket(program, source);
		without += run(program, &udp) == XDP_DROP &&
		           !program_read_bucket(program, source, &bucket);
		begin_ns = boot_ns();
		while (!program_read_bucket(program, source, &bucket) &&
		       boot_ns() < begin_ns + SECOND_NS)
			run(program, &udp);
		ended += program_read_bucket(program, source, &bucket);
	}
	tap_ok(without > 0, "a cached source is dropped without its bucket");
	tap_ok(ended == TIMES, "the entry expires soon");
	tap_note("cached in %d of %d repetitions", without, TIMES);
}

static void check_flood(struct program *program)
{
	struct xrl_counter_pair before[XRL_COUNTERS], after[XRL_COUNTERS];
	unsigned char frame[FRAME_ROOM];
	__u32 bytes = frame_build(&udp, frame);
	int rejected = 0;

	activate(program, "3/1h packets", NULL);
	program_read_counters(program, before);
	program_run_repeated(program, frame, bytes, FLOOD, NULL);
	for (int i = 0; i < TIMES; i++)
		rejected += run(program, &tagged) == XDP_DROP;
	program_read_counters(program, after);
	before[XRL_passed_within_limits].packets += 3;
	before[XRL_passed_within_limits].bytes += 3 * FRAME_BYTES;
	before[XRL_dropped_packets_limit].packets += FLOOD - 3 + TIMES;
	before[XRL_dropped_packets_limit].bytes +=
		(FLOOD - 3) * FRAME_BYTES + TIMES * (FRAME_BYTES + 4);
	tap_ok(rejected == TIMES && !memcmp(before, after, sizeof(after)),
	       "3 of %d pass, the others are dropped and counted with their bytes, tagged or not",
	       FLOOD);
}

static int compare(const void *a, const void *b)
{
	const long long *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

/* Each window opens half a jiffy after the previous one expired, so that it expires in the middle
 * of a jiffy; an entry kept too long would reject for the other half. The median counts, since
 * other load on the machine delays some of them. */
static void check_next_window(struct program *program)
{
	struct xrl_class class = activate(program, "1/100ms packets", NULL);
	long long late_ns[WINDOWS];
	int opened = 0;

	for (int i = 0; i < WINDOWS; i++) {
		__u64 begin_ns;

		usleep((PERIOD_NS + class.jiffy_ns / 2) / 1000);
		opened += run(program, &udp) == XDP_PASS;
		begin_ns = boot_ns();
		do
			late_ns[i] = boot_ns() - begin_ns - PERIOD_NS;
		while (run(program, &udp) == XDP_DROP && late_ns[i] < (long long)SECOND_NS);
	}
	qsort(late_ns, WINDOWS, sizeof(late_ns[0]), compare);
	tap_ok(opened == WINDOWS && late_ns[WINDOWS / 2] < class.jiffy_ns / 4,
	       "the next window opens as soon as the current one expires");
	tap_note("late by %lld us, at most %lld us; a jiffy is %u us", late_ns[WINDOWS / 2] / 1000,
	         late_ns[WINDOWS - 1] / 1000, class.jiffy_ns / 1000);
}

static void check_permit(struct program *program)
{
	int granted = 0, revoked = 0;

	for (int i = 0; i < TIMES; i++) {
		reject(program);
		program_permit(program, source, boot_ns() + HOUR_NS);
		granted += is_counted(program, &udp, XRL_passed_permit);
		program_permit(program, source, 0);
		revoked += is_counted(program, &udp, XRL_dropped_packets_limit);
	}
	tap_ok(granted == TIMES, "a permit applies to the next packet");
	tap_ok(revoked == TIMES, "so does its revocation");
}

static void check_policy(struct program *program)
{
	int more = 0, monitored = 0;

	for (int i = 0; i < TIMES; i++) {
		struct xrl_class class = reject(program);

		class.action = XRL_MONITOR;
		program_activate_class(program, &class);
		monitored += is_counted(program, &udp, XRL_passed_monitor_packets_limit);
		reject(program);
		activate(program, "9/1h packets", NULL);
		more += is_counted(program, &udp, XRL_passed_within_limits);
	}
	tap_ok(more == TIMES, "a higher limit applies to the next packet");
	tap_ok(monitored == TIMES, "so does another action");
}

static void check_other_sources(struct program *program)
{
	int passed = 0, rejected = 0;

	for (int i = 0; i < TIMES; i++)
		for (int octet = 0; octet < 4; octet++) {
			struct frame_spec other = udp;

			reject(program);
			other.source.octets[octet] ^= 1 << i % 8;
			passed += run(program, &other) == XDP_PASS;
			rejected += is_counted(program, &udp, XRL_dropped_packets_limit) &&
			            run(program, &other) == XDP_DROP &&
			            run(program, &udp) == XDP_DROP;
		}
	tap_ok(passed == 4 * TIMES, "another source does not match the entry");
	tap_ok(rejected == 4 * TIMES, "two alternating sources are both rejected");
}

static void check_icmp_errors(struct program *program)
{
	int passed = 0, rejected = 0, unaffected = 0;

	for (int i = 0; i < TIMES; i++) {
		reject(program);
		passed += is_counted(program, &icmp_error, XRL_passed_icmp_error);
		rejected += is_counted(program, &icmp_error, XRL_dropped_icmp_errors_limit);
		activate(program, "1/1h packets", NULL);
		for (int j = 0; j < 4; j++)
			run(program, &icmp_error);
		unaffected += is_counted(program, &udp, XRL_passed_within_limits);
	}
	tap_ok(passed == TIMES, "an ICMP error from a cached source passes");
	tap_ok(rejected == TIMES, "the second one is rejected by the limit of ICMP errors");
	tap_ok(unaffected == TIMES, "rejected ICMP errors do not fill the cache");
}

/* Sends frames of one kind until they are rejected, and then one of another kind. */
static void check_other_limits(struct program *program, const char *limit, const char *second,
                               const struct frame_spec *first, const struct frame_spec *other,
                               __u32 counter)
{
	int good = 0;

	for (int i = 0; i < TIMES; i++) {
		activate(program, limit, second);
		for (int j = 0; j < 5; j++)
			run(program, first);
		good += run(program, first) == XDP_DROP && is_counted(program, other, counter);
	}
	tap_ok(good == TIMES, "%s%s%s: then %s", limit, second ? ", " : "", second ? second : "",
	       counter_name(counter));
}

/* Gets the source rejected by its class and into the cache. */
static void reject_in_class(struct program *program, const struct policy_text *policy)
{
	program_activate(program, policy);
	for (int i = 0; i < 4; i++)
		run(program, &udp);
}

static const struct policy_text two_classes = {
	.classes = {
		{.limits = {"1/1h packets"}},
		{.limits = {"1/1h packets"}, .sources = "198.51.100.9/32", .action = XRL_MONITOR}}};

static void check_class(struct program *program)
{
	int monitored = 0, changed = 0, trusted = 0, moved = 0;

	for (int i = 0; i < CLASS_TIMES; i++) {
		struct xrl_policy *policy;

		reject_in_class(program, &two_classes);
		monitored += is_counted(program, &udp, XRL_passed_monitor_packets_limit) &&
		             is_counted(program, &udp, XRL_passed_monitor_packets_limit);
		program_edit_policy(program)->classes[1].action = XRL_DROP;
		program_commit(program);
		changed += is_counted(program, &udp, XRL_dropped_packets_limit);

		reject_in_class(program, &two_classes);
		program_edit_policy(program);
		program_set_cidrs(program, NULL, 0);
		program_commit(program);
		moved += is_counted(program, &udp, XRL_passed_within_limits);

		reject_in_class(program, &two_classes);
		policy = program_edit_policy(program);
		policy->classes[1].limit_count = 0;
		class_complete(&policy->classes[1]);
		program_commit(program);
		trusted += is_counted(program, &udp, XRL_passed_trusted);
	}
	tap_ok(monitored == CLASS_TIMES, "a cached source gets the action of its class");
	tap_ok(changed == CLASS_TIMES, "a new action of the class applies to the next packet");
	tap_ok(moved == CLASS_TIMES, "so does a change of class");
	tap_ok(trusted == CLASS_TIMES, "so does trust");
}

/* Only simple classes use the cache: in this one, a smaller packet may still pass. */
static void check_two_classes(struct program *program)
{
	static const struct policy_text policy = {
		.classes = {
			{.limits = {"1/1h packets"}},
			{.limits = {"100/1h packets", "1000/1h bytes"}, .sources = "10.0.0.0/8"}}};
	struct frame_spec small = udp, large = big;
	int good = 0;

	small.source = large.source = (struct xrl_address){{10, 0, 0, 1}};
	for (int i = 0; i < CLASS_TIMES; i++) {
		reject_in_class(program, &policy);
		for (int j = 0; j < 4; j++)
			run(program, &large);
		good += is_counted(program, &large, XRL_dropped_bytes_limit) &&
		        is_counted(program, &small, XRL_passed_within_limits) &&
		        is_counted(program, &udp, XRL_dropped_packets_limit);
	}
	tap_ok(good == CLASS_TIMES, "of two classes, only the simple one uses the cache");
}

/* A cached source still passes to ports that are not protected. */
static void check_protected(struct program *program)
{
	static const struct policy_text policy = {.classes = {{.limits = {"1/1h packets"}}},
	                                          .protect = "udp/443"};
	struct frame_spec elsewhere = udp;
	int good = 0;

	elsewhere.destination_port = 444;
	for (int i = 0; i < CLASS_TIMES; i++) {
		reject_in_class(program, &policy);
		good += is_counted(program, &elsewhere, XRL_passed_not_protected) &&
		        is_counted(program, &udp, XRL_dropped_packets_limit);
	}
	tap_ok(good == CLASS_TIMES, "a cached source still reaches unprotected ports");
}

static void check_entry(enum program_entry entry)
{
	struct program_options options = {.entry = entry};
	struct program program;

	if (!tap_ok(!program_open(&program, &options), "%s loads", program_entry_name(entry)))
		return;
	check_nothing_remembered(&program);
	check_without_bucket(&program);
	check_flood(&program);
	check_next_window(&program);
	check_permit(&program);
	check_policy(&program);
	check_other_sources(&program);
	check_icmp_errors(&program);
	check_class(&program);
	check_two_classes(&program);
	check_protected(&program);
	check_other_limits(&program, "1000/1h bytes", "2/1h packets", &udp, &big,
	                   XRL_dropped_bytes_limit);
	check_other_limits(&program, "1300/1h bytes", NULL, &big, &udp, XRL_passed_within_limits);
	check_other_limits(&program, "1/1h connections", NULL, &syn, &udp,
	                   XRL_passed_within_limits);
	program_close(&program);
}

int main(void)
{
	pin_to_current_cpu();
	for (enum program_entry entry = 0; entry < PROGRAM_ENTRIES; entry++)
		check_entry(entry);
	return tap_done();
}
