// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* A source that was refused a moment ago and sends again (bpf/bucket/reject_cache.h). What is
 * remembered of it holds for the rest of a jiffy and on one CPU: hence one CPU, and each point many
 * times over, so that it is hot in most of them. */

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/program.h"
#include "tests/prog/lib/policy.h"
#include "tests/tap.h"

#define TIMES       50
#define CLASS_TIMES 4 /* where each one waits for the kernel to change maps */
#define FLOOD       20000
#define WINDOWS     9
#define PERIOD_NS   100000000ULL
#define SECOND_NS   1000000000ULL
#define HOUR_NS     (3600 * SECOND_NS)
#define FRAME_BYTES 60
#define BIG_BYTES   1200

static const struct xrl_address source = {{198, 51, 100, 9}};
static const struct shape udp = {.frame_bytes = FRAME_BYTES, .source = source};
static const struct shape big = {
	.frame_bytes = BIG_BYTES, .payload_bytes = BIG_BYTES - 42, .source = source};
static const struct shape syn = {.protocol = IPPROTO_TCP,
                                 .tcp_flags = FRAME_SYN,
                                 .frame_bytes = FRAME_BYTES,
                                 .source = source};
static const struct shape tagged = {
	.tags = {0x8100}, .frame_bytes = FRAME_BYTES + 4, .source = source};
static const struct shape icmp_error = {
	.protocol = IPPROTO_ICMP, .icmp_type = 3, .frame_bytes = FRAME_BYTES, .source = source};

static int run(const struct loaded *loaded, const struct shape *shape)
{
	unsigned char frame[FRAME_ROOM];
	__u32 bytes = frame_build(shape, frame);

	return loaded_run(loaded, frame, bytes, NULL);
}

/* Whether one more such frame adds to this counter. */
static int is_counted(const struct loaded *loaded, const struct shape *shape, __u32 counter)
{
	unsigned char frame[FRAME_ROOM];
	__u32 bytes = frame_build(shape, frame);

	return loaded_counter_of(loaded, frame, bytes) == counter;
}

static struct xrl_class put_in_force(struct loaded *loaded, const char *limit, const char *second)
{
	const char *limits[XRL_MAX_LIMITS] = {limit, second};
	struct xrl_class class = loaded_class(limits, "1/1h packets", XRL_DROP);

	loaded_renew(loaded, &class);
	loaded_publish(loaded, &class);
	return class;
}

/* The source is refused, and it is remembered. */
static struct xrl_class refuse(struct loaded *loaded)
{
	struct xrl_class class = put_in_force(loaded, "1/1h packets", NULL);

	for (int i = 0; i < 4; i++)
		run(loaded, &udp);
	return class;
}

static void check_nothing_remembered(struct loaded *loaded)
{
	static const struct shape from_zero = {.frame_bytes = FRAME_BYTES};

	put_in_force(loaded, "1/1h packets", NULL);
	tap_ok(run(loaded, &from_zero) == XDP_PASS && run(loaded, &from_zero) == XDP_DROP,
	       "nothing is remembered of 0.0.0.0 to begin with");
}

/* Its bucket is taken away: when that isn't noticed, nobody has looked for it. */
static void check_without_bucket(struct loaded *loaded)
{
	struct xrl_bucket bucket;
	int without = 0, ended = 0;

	for (int i = 0; i < TIMES && ended == i; i++) {
		__u64 begin_ns;

		refuse(loaded);
		loaded_forget(loaded, source);
		without += run(loaded, &udp) == XDP_DROP &&
		           !loaded_read_bucket(loaded, source, &bucket);
		begin_ns = loaded_boot_ns();
		while (!loaded_read_bucket(loaded, source, &bucket) &&
		       loaded_boot_ns() < begin_ns + SECOND_NS)
			run(loaded, &udp);
		ended += loaded_read_bucket(loaded, source, &bucket);
	}
	tap_ok(without > 0, "a source refused again is dropped without its bucket");
	tap_ok(ended == TIMES, "and not for long");
	tap_note("%d of %d times without it", without, TIMES);
}

static void check_flood(struct loaded *loaded)
{
	struct xrl_counter_pair before[XRL_COUNTERS], after[XRL_COUNTERS];
	unsigned char frame[FRAME_ROOM];
	__u32 bytes = frame_build(&udp, frame);
	int refused = 0;

	put_in_force(loaded, "3/1h packets", NULL);
	loaded_read_counters(loaded, before);
	loaded_run_often(loaded, frame, bytes, FLOOD, NULL);
	for (int i = 0; i < TIMES; i++)
		refused += run(loaded, &tagged) == XDP_DROP;
	loaded_read_counters(loaded, after);
	before[XRL_passed_within_limits].packets += 3;
	before[XRL_passed_within_limits].bytes += 3 * FRAME_BYTES;
	before[XRL_dropped_packets_limit].packets += FLOOD - 3 + TIMES;
	before[XRL_dropped_packets_limit].bytes +=
		(FLOOD - 3) * FRAME_BYTES + TIMES * (FRAME_BYTES + 4);
	tap_ok(refused == TIMES && !memcmp(before, after, sizeof(after)),
	       "3 of %d pass, the others are counted with their bytes, tagged or not", FLOOD);
}

static int compare(const void *a, const void *b)
{
	const long long *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

/* Each window is opened half a jiffy after the last one ended, so that it ends in the middle of
 * one: what is remembered for too long would last for the other half. The median, since what
 * else happens on the machine makes some of them late. */
static void check_next_window(struct loaded *loaded)
{
	struct xrl_class class = put_in_force(loaded, "1/100ms packets", NULL);
	long long late_ns[WINDOWS];
	int opened = 0;

	for (int i = 0; i < WINDOWS; i++) {
		__u64 begin_ns;

		usleep((PERIOD_NS + class.jiffy_ns / 2) / 1000);
		opened += run(loaded, &udp) == XDP_PASS;
		begin_ns = loaded_boot_ns();
		do
			late_ns[i] = loaded_boot_ns() - begin_ns - PERIOD_NS;
		while (run(loaded, &udp) == XDP_DROP && late_ns[i] < (long long)SECOND_NS);
	}
	qsort(late_ns, WINDOWS, sizeof(late_ns[0]), compare);
	tap_ok(opened == WINDOWS && late_ns[WINDOWS / 2] < class.jiffy_ns / 4,
	       "the next window comes when this one ends, and no later");
	tap_note("late by %lld us, at most %lld, a jiffy is %u", late_ns[WINDOWS / 2] / 1000,
	         late_ns[WINDOWS - 1] / 1000, class.jiffy_ns / 1000);
}

static void check_permit(struct loaded *loaded)
{
	int granted = 0, revoked = 0;

	for (int i = 0; i < TIMES; i++) {
		refuse(loaded);
		loaded_permit(loaded, source, loaded_boot_ns() + HOUR_NS);
		granted += is_counted(loaded, &udp, XRL_passed_permit);
		loaded_permit(loaded, source, 0);
		revoked += is_counted(loaded, &udp, XRL_dropped_packets_limit);
	}
	tap_ok(granted == TIMES, "a permit is in force with the next packet");
	tap_ok(revoked == TIMES, "and its end");
}

static void check_policy(struct loaded *loaded)
{
	int more = 0, monitored = 0;

	for (int i = 0; i < TIMES; i++) {
		struct xrl_class class = refuse(loaded);

		class.action = XRL_MONITOR;
		loaded_publish(loaded, &class);
		monitored += is_counted(loaded, &udp, XRL_passed_monitor_packets_limit);
		refuse(loaded);
		put_in_force(loaded, "9/1h packets", NULL);
		more += is_counted(loaded, &udp, XRL_passed_within_limits);
	}
	tap_ok(more == TIMES, "a higher limit is in force with the next packet");
	tap_ok(monitored == TIMES, "so is another action");
}

static void check_other_sources(struct loaded *loaded)
{
	int passed = 0, refused = 0;

	for (int i = 0; i < TIMES; i++)
		for (int octet = 0; octet < 4; octet++) {
			struct shape other = udp;

			refuse(loaded);
			other.source.octets[octet] ^= 1 << i % 8;
			passed += run(loaded, &other) == XDP_PASS;
			refused += is_counted(loaded, &udp, XRL_dropped_packets_limit) &&
			           run(loaded, &other) == XDP_DROP && run(loaded, &udp) == XDP_DROP;
		}
	tap_ok(passed == 4 * TIMES, "another source is not refused in its place");
	tap_ok(refused == 4 * TIMES, "and two in turn are refused");
}

static void check_icmp_errors(struct loaded *loaded)
{
	int passed = 0, refused = 0, apart = 0;

	for (int i = 0; i < TIMES; i++) {
		refuse(loaded);
		passed += is_counted(loaded, &icmp_error, XRL_passed_icmp_error);
		refused += is_counted(loaded, &icmp_error, XRL_dropped_icmp_errors_limit);
		put_in_force(loaded, "1/1h packets", NULL);
		for (int j = 0; j < 4; j++)
			run(loaded, &icmp_error);
		apart += is_counted(loaded, &udp, XRL_passed_within_limits);
	}
	tap_ok(passed == TIMES, "an ICMP error of a refused source passes");
	tap_ok(refused == TIMES, "the second one is refused as what it is");
	tap_ok(apart == TIMES, "ICMP errors that are refused hold nothing else up");
}

/* Frames of one shape up to a refusal for one reason, and then one of another shape. */
static void check_other_limits(struct loaded *loaded, const char *limit, const char *second,
                               const struct shape *first, const struct shape *other, __u32 counter)
{
	int good = 0;

	for (int i = 0; i < TIMES; i++) {
		put_in_force(loaded, limit, second);
		for (int j = 0; j < 5; j++)
			run(loaded, first);
		good += run(loaded, first) == XDP_DROP && is_counted(loaded, other, counter);
	}
	tap_ok(good == TIMES, "%s%s%s: then %s", limit, second ? ", " : "", second ? second : "",
	       loaded_counter_name(counter));
}

/* The source is refused in its class, and it is remembered. */
static void refuse_in_class(struct loaded *loaded, const struct policy_text *policy)
{
	policies_publish(loaded, policy);
	for (int i = 0; i < 4; i++)
		run(loaded, &udp);
}

static const struct policy_text two_classes = {
	.classes = {
		{.limits = {"1/1h packets"}},
		{.limits = {"1/1h packets"}, .sources = "198.51.100.9/32", .action = XRL_MONITOR}}};

static void check_class(struct loaded *loaded)
{
	int monitored = 0, changed = 0, trusted = 0, moved = 0;

	for (int i = 0; i < CLASS_TIMES; i++) {
		struct xrl_policy *policy;

		refuse_in_class(loaded, &two_classes);
		monitored += is_counted(loaded, &udp, XRL_passed_monitor_packets_limit) &&
		             is_counted(loaded, &udp, XRL_passed_monitor_packets_limit);
		policies_repeat(loaded)->classes[1].action = XRL_DROP;
		loaded_switch(loaded);
		changed += is_counted(loaded, &udp, XRL_dropped_packets_limit);

		refuse_in_class(loaded, &two_classes);
		policies_repeat(loaded);
		loaded_set_cidrs(loaded, NULL, 0);
		loaded_switch(loaded);
		moved += is_counted(loaded, &udp, XRL_passed_within_limits);

		refuse_in_class(loaded, &two_classes);
		policy = policies_repeat(loaded);
		policy->classes[1].limit_count = 0;
		policies_finish_class(&policy->classes[1]);
		loaded_switch(loaded);
		trusted += is_counted(loaded, &udp, XRL_passed_trusted);
	}
	tap_ok(monitored == CLASS_TIMES, "a source refused again is treated as its class says");
	tap_ok(changed == CLASS_TIMES, "the class's new action is in force with the next packet");
	tap_ok(moved == CLASS_TIMES, "so is another class");
	tap_ok(trusted == CLASS_TIMES, "and that it is trusted now");
}

/* Only of a plain class is anything remembered: here a smaller packet has room. */
static void check_two_classes(struct loaded *loaded)
{
	static const struct policy_text policy = {
		.classes = {
			{.limits = {"1/1h packets"}},
			{.limits = {"100/1h packets", "1000/1h bytes"}, .sources = "10.0.0.0/8"}}};
	struct shape small = udp, large = big;
	int good = 0;

	small.source = large.source = (struct xrl_address){{10, 0, 0, 1}};
	for (int i = 0; i < CLASS_TIMES; i++) {
		refuse_in_class(loaded, &policy);
		for (int j = 0; j < 4; j++)
			run(loaded, &large);
		good += is_counted(loaded, &large, XRL_dropped_bytes_limit) &&
		        is_counted(loaded, &small, XRL_passed_within_limits) &&
		        is_counted(loaded, &udp, XRL_dropped_packets_limit);
	}
	tap_ok(good == CLASS_TIMES, "of two classes only one is plain");
}

/* The rest of a flood still goes where nothing is protected. */
static void check_protected(struct loaded *loaded)
{
	static const struct policy_text policy = {.classes = {{.limits = {"1/1h packets"}}},
	                                          .protect = "udp/443"};
	struct shape elsewhere = udp;
	int good = 0;

	elsewhere.destination_port = 444;
	for (int i = 0; i < CLASS_TIMES; i++) {
		refuse_in_class(loaded, &policy);
		good += is_counted(loaded, &elsewhere, XRL_passed_not_protected) &&
		        is_counted(loaded, &udp, XRL_dropped_packets_limit);
	}
	tap_ok(good == CLASS_TIMES, "a source refused again still reaches what isn't protected");
}

static void check_entry(enum loaded_entry entry)
{
	struct loaded_options options = {.entry = entry};
	struct loaded loaded;

	if (!tap_ok(!loaded_open(&loaded, &options), "%s loads", loaded_entry_name(entry)))
		return;
	check_nothing_remembered(&loaded);
	check_without_bucket(&loaded);
	check_flood(&loaded);
	check_next_window(&loaded);
	check_permit(&loaded);
	check_policy(&loaded);
	check_other_sources(&loaded);
	check_icmp_errors(&loaded);
	check_class(&loaded);
	check_two_classes(&loaded);
	check_protected(&loaded);
	check_other_limits(&loaded, "1000/1h bytes", "2/1h packets", &udp, &big,
	                   XRL_dropped_bytes_limit);
	check_other_limits(&loaded, "1300/1h bytes", NULL, &big, &udp, XRL_passed_within_limits);
	check_other_limits(&loaded, "1/1h connections", NULL, &syn, &udp, XRL_passed_within_limits);
	loaded_close(&loaded);
}

int main(void)
{
	loaded_stay_on_this_cpu();
	for (enum loaded_entry entry = 0; entry < LOADED_ENTRIES; entry++)
		check_entry(entry);
	return tap_done();
}
