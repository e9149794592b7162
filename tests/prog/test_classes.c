// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Policies of several classes over time: sources that change class, permits with a class of their
 * own, penalties, and scoped buckets. */

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <bpf/bpf.h>

#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/program.h"
#include "tests/prog/lib/policy.h"
#include "tests/tap.h"
#include "tests/units.h"

#define FRAME_BYTES      60
#define LOOPBACK_IFINDEX 1
#define PENALTY_NS       (300 * MS_NS)
#define GIVE_UP_NS       (10000 * MS_NS)

static const struct xrl_address source = {{10, 1, 2, 3}};
static unsigned char frame[FRAME_ROOM];

static void build(struct xrl_address from, __u16 port)
{
	struct frame_spec spec = {
		.destination_port = port, .frame_bytes = FRAME_BYTES, .source = from};

	frame_build(&spec, frame);
}

static int run(const struct program *program)
{
	return program_run(program, frame, FRAME_BYTES, NULL);
}

static void run_often(const struct program *program, int times)
{
	while (times--)
		run(program);
}

static void expect(const struct program *program, __u32 counter, const char *text)
{
	__u32 got = program_run_counter(program, frame, FRAME_BYTES);

	if (!tap_ok(got == counter, "%s: %s", text, counter_name(counter)))
		tap_note("got %s", counter_name(got));
}

static void activate(struct program *program, const struct policy_text *text)
{
	program_activate(program, text);
	program_permit(program, source, 0);
	program_delete_bucket(program, source);
	build(source, 443);
}

static void repeat(struct program *program)
{
	program_edit_policy(program);
	program_commit(program);
}

static const struct policy_text two_classes = {
	.classes = {{.limits = {"2/1h packets"}},
                    {.limits = {"2/1h packets"}, .sources = "10.0.0.0/8"}}};
static const struct policy_text two_classes_without_cidrs = {
	.classes = {{.limits = {"2/1h packets"}}, {.limits = {"2/1h packets"}}}};

static void check_class_change(struct program *program)
{
	struct xrl_policy *policy;

	activate(program, &two_classes);
	run_often(program, 2);
	expect(program, XRL_dropped_packets_limit, "the limit of a class is used up");
	repeat(program);
	expect(program, XRL_dropped_packets_limit, "it still is after a reload");

	program_edit_policy(program);
	program_set_text_cidrs(program, &two_classes_without_cidrs);
	program_commit(program);
	expect(program, XRL_passed_within_limits, "another class, with existing limits");
	expect(program, XRL_passed_within_limits, "the second packet in another class");
	expect(program, XRL_dropped_packets_limit, "the third packet in another class");

	program_edit_policy(program);
	program_set_text_cidrs(program, &two_classes);
	program_commit(program);
	expect(program, XRL_passed_within_limits,
	       "back in the first class, the source starts over");

	policy = program_edit_policy(program);
	policy->classes[1].limit_count = 0;
	class_complete(&policy->classes[1]);
	program_commit(program);
	expect(program, XRL_passed_trusted, "the class becomes trusted");
}

/* Reads the usage of the source's own limit, of its prefix, and of its class. */
static void read_used(const struct program *program, __u64 used[3])
{
	const struct xrl_class *class =
		&program->policies[program->meta->generation & 1].classes[0];
	struct xrl_separate_key key = {.address = {{10, 1, 0, 0}},
	                               .limit_id = class->separate[0].id};
	struct xrl_separate_bucket separate = {};
	struct xrl_bucket bucket = {};
	__u32 copy = program->meta->generation & 1, id;
	int map;

	program_read_bucket(program, source, &bucket);
	if (!bpf_map_lookup_elem(program->separate_buckets, &copy, &id)) {
		map = bpf_map_get_fd_by_id(id);
		bpf_map_lookup_elem(map, &key, &separate);
		close(map);
	}
	used[0] = bucket.windows[0].used_units;
	used[1] = separate.window.used_units;
	used[2] = program->class_buckets[class->separate[1].id].bucket.window.used_units;
}

static void expect_used(const struct program *program, __u64 own, __u64 prefix, __u64 class,
                        const char *text)
{
	__u64 used[3];

	read_used(program, used);
	if (!tap_ok(used[0] == own && used[1] == prefix && used[2] == class, "%s", text))
		tap_note("used: %llu, %llu, %llu", used[0], used[1], used[2]);
}

/* Whichever of three limits rejects, a rejected packet costs nothing anywhere. */
static void check_all_or_none(struct program *program)
{
	static const struct policy_text policies[] = {
		{.classes = {{.limits = {"3/1h packets", "9/1h packets scope /16",
	                                 "9/1h packets scope class"}}}},
		{.classes = {{.limits = {"9/1h packets", "3/1h packets scope /16",
	                                 "9/1h packets scope class"}}}},
		{.classes = {{.limits = {"9/1h packets", "9/1h packets scope /16",
	                                 "3/1h packets scope class"}}}},
	};

	for (int i = 0; i < 3; i++) {
		activate(program, &policies[i]);
		run_often(program, 10);
		expect_used(program, 3, 3, 3,
		            "one of three limits rejects: the others charge nothing");
		repeat(program);
		run(program);
		expect_used(program, 3, 3, 3, "nor is anything forgotten by a reload");
	}
}

/* One at a time. */
static void check_renewal(struct program *program)
{
	static const struct policy_text three = {
		.classes = {{.limits = {"9/1h packets", "9/1h packets scope /16",
	                                "9/1h packets scope class"},
	                     .icmp_errors = "1/1h packets"}}};
	struct xrl_policy *policy;

	activate(program, &three);
	run_often(program, 5);
	policy = program_edit_policy(program);
	policy->classes[0].limits[0].since_generation = program->meta->generation + 1;
	program_commit(program);
	run(program);
	expect_used(program, 1, 6, 6, "only the source's own limit is new");
	policy = program_edit_policy(program);
	policy->classes[0].separate[0].id += 1000;
	program_commit(program);
	run(program);
	expect_used(program, 2, 1, 7, "only the limit of the prefix is new");
	policy = program_edit_policy(program);
	policy->classes[0].separate[1].id = XRL_CLASS_BUCKETS - 1;
	program_commit(program);
	run(program);
	expect_used(program, 3, 2, 1, "only the limit of the class is new");
}

static const struct policy_text permitted_class = {
	.classes = {{.limits = {"1/1h packets"}, .penalty = "1/1h packets"},
                    {.limits = {"3/1h packets"}}},
	.permitted = 1};

static int runs_until(const struct program *program, __u64 until_ns)
{
	int passed = 0;

	while (boot_ns() < until_ns)
		passed += run(program) == XDP_PASS;
	return passed;
}

static void check_permit(struct program *program)
{
	activate(program, &permitted_class);
	run_often(program, 2);
	expect(program, XRL_dropped_penalty, "before the permit");
	program_permit(program, source, boot_ns() + HOUR_NS);
	expect(program, XRL_passed_permit, "a permit ends the penalty");
	run_often(program, 2);
	expect(program, XRL_dropped_packets_limit, "the class of permits has a limit");
	program_permit(program, source, boot_ns() + 2 * HOUR_NS);
	expect(program, XRL_dropped_packets_limit, "a renewed permit does not reset it");
	program_permit(program, source, 0);
	expect(program, XRL_passed_within_limits, "the permit is revoked");
	expect(program, XRL_dropped_packets_limit, "the original limit applies again");
	expect(program, XRL_dropped_penalty, "so does the penalty");
}

/* The permit expires but stays in the map, under the same generation. */
static void check_permit_end(struct program *program)
{
	__u64 until_ns;
	int passed;

	activate(program, &permitted_class);
	until_ns = boot_ns() + 20 * MS_NS;
	program_permit(program, source, until_ns);
	passed = runs_until(program, until_ns);
	tap_ok(passed == 3 || (passed == 4 && boot_ns() >= until_ns),
	       "the limit of the class of permits applies");
	if (passed == 3)
		expect(program, XRL_passed_within_limits,
		       "it expires: a window of the source's own class");
	expect(program, XRL_dropped_packets_limit, "that window is full");
	expect(program, XRL_dropped_penalty, "its penalty applies");
	program_delete_bucket(program, source);
	expect(program, XRL_passed_within_limits, "an expired permit, without a bucket");
	expect(program, XRL_dropped_packets_limit, "the source's own limit applies");
}

/* The class of permits may also be the source's own class. */
static void check_permit_in_same_class(struct program *program)
{
	static const struct policy_text same = {
		.classes = {{.limits = {"9/1h packets"}},
	                    {.limits = {"2/1h packets"}, .sources = "10.0.0.0/8"}},
		.permitted = 1};

	activate(program, &same);
	program_permit(program, source, boot_ns() - 1);
	run_often(program, 2);
	expect(program, XRL_dropped_packets_limit, "an expired permit, in the class of permits");
	repeat(program);
	expect(program, XRL_dropped_packets_limit, "the same after a reload");
}

static int send_icmp_error(const struct program *program)
{
	struct frame_spec spec = {.protocol = IPPROTO_ICMP, .icmp_type = 3, .source = source};
	unsigned char error[FRAME_ROOM];
	__u32 bytes = frame_build(&spec, error);

	return program_run(program, error, bytes, NULL);
}

/* Neither rejected packets nor ICMP errors, each of which refreshes the bucket, extend a penalty.
 */
static void check_penalty_end(struct program *program)
{
	static const struct policy_text penalty = {
		.classes = {{.limits = {"59/1h bytes"},
	                     .icmp_errors = "1000000/100ms packets",
	                     .penalty = "1/300ms packets"}}};
	__u64 begin_ns, end_ns;

	activate(program, &penalty);
	begin_ns = boot_ns();
	expect(program, XRL_dropped_bytes_limit, "a packet over the limit");
	expect(program, XRL_dropped_penalty, "a penalty follows");
	while (send_icmp_error(program) == XDP_PASS &&
	       program_run_counter(program, frame, FRAME_BYTES) == XRL_dropped_penalty &&
	       boot_ns() < begin_ns + GIVE_UP_NS)
		;
	end_ns = boot_ns();
	tap_ok(end_ns - begin_ns >= PENALTY_NS && end_ns - begin_ns < GIVE_UP_NS,
	       "the penalty lasts its period");
	tap_note("%llu us", (end_ns - begin_ns) / 1000);
	expect(program, XRL_dropped_penalty, "the next packet over the limit begins another");
}

static void check_penalty_reload(struct program *program)
{
	static const struct policy_text penalty = {
		.classes = {{.limits = {"59/1h bytes"}, .penalty = "1/1h packets"}}};
	struct xrl_policy *policy;

	activate(program, &penalty);
	run(program);
	expect(program, XRL_dropped_penalty, "a penalty");
	policy = program_edit_policy(program);
	policy->classes[0].limits[0].since_generation = program->meta->generation + 1;
	program_commit(program);
	expect(program, XRL_dropped_penalty, "a new limit does not end it");
	policy = program_edit_policy(program);
	policy->classes[0].penalty.since_generation = program->meta->generation + 1;
	program_commit(program);
	expect(program, XRL_dropped_bytes_limit, "a new period ends it");
	policy = program_edit_policy(program);
	policy->classes[0].penalty.period_ns = 0;
	program_commit(program);
	expect(program, XRL_dropped_bytes_limit, "removing the penalty ends it");
}

/* A penalty belongs to a class; in another class with a penalty, the source starts over. */
static void check_penalty_and_class(struct program *program)
{
	static const struct policy_text penalty = {
		.classes = {{.limits = {"59/1h bytes"}, .penalty = "1/1h packets"},
	                    {.limits = {"1/1h packets"}, .penalty = "1/1h packets"}}};

	activate(program, &penalty);
	run(program);
	expect(program, XRL_dropped_penalty, "a penalty");
	program_edit_policy(program)->default_class = 1;
	program_commit(program);
	expect(program, XRL_passed_within_limits, "a change of class ends it");
}

/* Without a class of permits, a permit only suspends the penalty. */
static void check_penalty_and_permit(struct program *program)
{
	static const struct policy_text penalty = {
		.classes = {{.limits = {"1/1h packets"}, .penalty = "1/1h packets"}}};

	activate(program, &penalty);
	run_often(program, 3);
	expect(program, XRL_dropped_penalty, "during a penalty");
	program_permit(program, source, boot_ns() + HOUR_NS);
	expect(program, XRL_passed_permit, "a permit takes precedence");
	program_permit(program, source, 0);
	expect(program, XRL_dropped_penalty, "the penalty continues afterwards");
}

static void check_missing_map(struct program *program)
{
	static const struct policy_text endpoint = {
		.classes = {{.limits = {"4/1h packets", "1/1h packets endpoint udp/53"}}}};
	__u32 copy;

	activate(program, &endpoint);
	copy = program->meta->generation & 1;
	build(source, 53);
	expect(program, XRL_passed_within_limits, "a scoped bucket");
	expect(program, XRL_dropped_packets_limit, "a packet too many for it");
	bpf_map_delete_elem(program->separate_buckets, &copy);
	expect(program, XRL_passed_limiter_failed, "without a map of scoped buckets");
	expect(program, XRL_passed_limiter_failed, "the second packet without it");
	expect(program, XRL_passed_limiter_failed, "the third packet without it");
	expect(program, XRL_dropped_packets_limit, "the source's own limit still applies");
	build((struct xrl_address){{10, 9, 9, 9}}, 54);
	expect(program, XRL_passed_within_limits, "another port needs no scoped bucket");
}

/* Enough sources to fill the map several times over. */
static void check_eviction(struct program *program)
{
	static const struct policy_text endpoint = {
		.classes = {{.limits = {"2/1h packets endpoint udp/53"}}}};
	int passed = 0, limited = 0;

	activate(program, &endpoint);
	for (__u32 i = 0; i < 20000; i++) {
		build((struct xrl_address){{11, i >> 16, i >> 8, i}}, 53);
		passed += run(program) == XDP_PASS;
		if (i % 1000 == 0)
			limited += run(program) == XDP_PASS && run(program) == XDP_DROP;
	}
	tap_ok(passed == 20000, "sources evict each other's scoped buckets, and pass");
	tap_ok(limited == 20, "each is limited as long as its bucket lasts");
}

/* Each class redirects through its own element of the map, in each copy of the policy. */
static void check_redirects(struct program *program)
{
	static const struct policy_text three = {
		.classes = {{.limits = {"1/1h bytes"}, .action = XRL_REDIRECT},
	                    {.limits = {"1/1h bytes"},
	                     .sources = "10.1.0.0/16",
	                     .action = XRL_REDIRECT},
	                    {.limits = {"1/1h bytes"},
	                     .sources = "10.2.0.0/16",
	                     .action = XRL_REDIRECT}}};
	__u32 ifindex = LOOPBACK_IFINDEX, right = 0, wrong = 0;

	for (int i = 0; i < 2 * 3; i++) {
		__u32 element;

		activate(program, &three);
		element = (program->meta->generation & 1) * XRL_MAX_CLASSES + i % 3;
		bpf_map_update_elem(program->redirects, &element, &ifindex, BPF_ANY);
		for (int class = 0; class < 3; class ++) {
			int action;

			build((struct xrl_address){{10, class ? class : 9, 0, 1}}, 443);
			action = run(program);
			right += class == i % 3 && action == XDP_REDIRECT;
			wrong += class != i % 3 && action != XDP_DROP;
		}
		bpf_map_delete_elem(program->redirects, &element);
		if (i == 2)
			repeat(program); /* continues with the other copy */
	}
	tap_ok(right == 6 && !wrong, "each class redirects to its own interface");
}

static void check_entry(enum program_entry entry)
{
	struct program_options options = {.entry = entry};
	struct program program;

	if (!tap_ok(!program_open(&program, &options), "%s loads", program_entry_name(entry)))
		return;
	check_class_change(&program);
	check_all_or_none(&program);
	check_renewal(&program);
	check_permit(&program);
	check_permit_end(&program);
	check_permit_in_same_class(&program);
	check_penalty_end(&program);
	check_penalty_reload(&program);
	check_penalty_and_class(&program);
	check_penalty_and_permit(&program);
	check_missing_map(&program);
	check_eviction(&program);
	check_redirects(&program);
	program_close(&program);
}

int main(void)
{
	for (enum program_entry entry = 0; entry < PROGRAM_ENTRIES; entry++)
		check_entry(entry);
	return tap_done();
}
