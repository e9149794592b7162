// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Policies of several classes over time: sources that change their class, permits with a class of
 * their own, penalties, and buckets apart. */

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

#define FRAME_BYTES      60
#define LOOPBACK_IFINDEX 1
#define MS_NS            1000000ULL
#define HOUR_NS          (3600000 * MS_NS)
#define PENALTY_NS       (300 * MS_NS)
#define GIVE_UP_NS       (10000 * MS_NS)

static const struct xrl_address source = {{10, 1, 2, 3}};
static unsigned char frame[FRAME_ROOM];

static void build(struct xrl_address from, __u16 port)
{
	struct shape shape = {.destination_port = port, .frame_bytes = FRAME_BYTES, .source = from};

	frame_build(&shape, frame);
}

static int run(const struct loaded *loaded)
{
	return loaded_run(loaded, frame, FRAME_BYTES, NULL);
}

static void run_often(const struct loaded *loaded, int times)
{
	while (times--)
		run(loaded);
}

static void expect(const struct loaded *loaded, __u32 counter, const char *text)
{
	__u32 got = loaded_counter_of(loaded, frame, FRAME_BYTES);

	if (!tap_ok(got == counter, "%s: %s", text, loaded_counter_name(counter)))
		tap_note("got %s", loaded_counter_name(got));
}

static void publish(struct loaded *loaded, const struct policy_text *text)
{
	policies_publish(loaded, text);
	loaded_permit(loaded, source, 0);
	loaded_forget(loaded, source);
	build(source, 443);
}

static void repeat(struct loaded *loaded)
{
	policies_repeat(loaded);
	loaded_switch(loaded);
}

static const struct policy_text two_classes = {
	.classes = {{.limits = {"2/1h packets"}},
                    {.limits = {"2/1h packets"}, .sources = "10.0.0.0/8"}}};
static const struct policy_text two_classes_without_cidrs = {
	.classes = {{.limits = {"2/1h packets"}}, {.limits = {"2/1h packets"}}}};

static void check_class_change(struct loaded *loaded)
{
	struct xrl_policy *policy;

	publish(loaded, &two_classes);
	run_often(loaded, 2);
	expect(loaded, XRL_dropped_packets_limit, "a class is used up");
	repeat(loaded);
	expect(loaded, XRL_dropped_packets_limit, "so it is after a reload");

	policies_repeat(loaded);
	policies_set_cidrs(loaded, &two_classes_without_cidrs);
	loaded_switch(loaded);
	expect(loaded, XRL_passed_within_limits, "another class, of old limits");
	expect(loaded, XRL_passed_within_limits, "another class holds as many");
	expect(loaded, XRL_dropped_packets_limit, "and no more");

	policies_repeat(loaded);
	policies_set_cidrs(loaded, &two_classes);
	loaded_switch(loaded);
	expect(loaded, XRL_passed_within_limits, "back in the first class it begins anew");

	policy = policies_repeat(loaded);
	policy->classes[1].limit_count = 0;
	policies_finish_class(&policy->classes[1]);
	loaded_switch(loaded);
	expect(loaded, XRL_passed_trusted, "the class becomes a trusted one");
}

/* Own, for a prefix, for the class: what is used of them, one after the other. */
static void read_used(const struct loaded *loaded, __u64 used[3])
{
	const struct xrl_class *class = &loaded->policies[loaded->meta->generation & 1].classes[0];
	struct xrl_separate_key key = {.address = {{10, 1, 0, 0}},
	                               .limit_id = class->separate[0].id};
	struct xrl_separate_bucket separate = {};
	struct xrl_bucket bucket = {};
	__u32 copy = loaded->meta->generation & 1, id;
	int map;

	loaded_read_bucket(loaded, source, &bucket);
	if (!bpf_map_lookup_elem(loaded->separate_buckets, &copy, &id)) {
		map = bpf_map_get_fd_by_id(id);
		bpf_map_lookup_elem(map, &key, &separate);
		close(map);
	}
	used[0] = bucket.windows[0].used_units;
	used[1] = separate.window.used_units;
	used[2] = loaded->class_buckets[class->separate[1].id].bucket.window.used_units;
}

static void expect_used(const struct loaded *loaded, __u64 own, __u64 prefix, __u64 class,
                        const char *text)
{
	__u64 used[3];

	read_used(loaded, used);
	if (!tap_ok(used[0] == own && used[1] == prefix && used[2] == class, "%s", text))
		tap_note("used: %llu, %llu, %llu", used[0], used[1], used[2]);
}

/* Whichever of three refuses: what it refuses uses up nothing anywhere. */
static void check_all_or_none(struct loaded *loaded)
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
		publish(loaded, &policies[i]);
		run_often(loaded, 10);
		expect_used(loaded, 3, 3, 3,
		            "one of three limits refuses: the others lose nothing");
		repeat(loaded);
		run(loaded);
		expect_used(loaded, 3, 3, 3, "nor is anything forgotten by a reload");
	}
}

/* One at a time. */
static void check_renewal(struct loaded *loaded)
{
	static const struct policy_text three = {
		.classes = {{.limits = {"9/1h packets", "9/1h packets scope /16",
	                                "9/1h packets scope class"},
	                     .icmp_errors = "1/1h packets"}}};
	struct xrl_policy *policy;

	publish(loaded, &three);
	run_often(loaded, 5);
	policy = policies_repeat(loaded);
	policy->classes[0].limits[0].since_generation = loaded->meta->generation + 1;
	loaded_switch(loaded);
	run(loaded);
	expect_used(loaded, 1, 6, 6, "the source's own limit is changed");
	policy = policies_repeat(loaded);
	policy->classes[0].separate[0].id += 1000;
	loaded_switch(loaded);
	run(loaded);
	expect_used(loaded, 2, 1, 7, "that of a prefix is changed");
	policy = policies_repeat(loaded);
	policy->classes[0].separate[1].id = XRL_CLASS_BUCKETS - 1;
	loaded_switch(loaded);
	run(loaded);
	expect_used(loaded, 3, 2, 1, "that of the class is changed");
}

static const struct policy_text permitted_class = {
	.classes = {{.limits = {"1/1h packets"}, .penalty = "1/1h packets"},
                    {.limits = {"3/1h packets"}}},
	.permitted = 1};

static int runs_until(const struct loaded *loaded, __u64 until_ns)
{
	int passed = 0;

	while (loaded_boot_ns() < until_ns)
		passed += run(loaded) == XDP_PASS;
	return passed;
}

static void check_permit(struct loaded *loaded)
{
	publish(loaded, &permitted_class);
	run_often(loaded, 2);
	expect(loaded, XRL_dropped_penalty, "before the permit");
	loaded_permit(loaded, source, loaded_boot_ns() + HOUR_NS);
	expect(loaded, XRL_passed_permit, "a permit ends the penalty");
	run_often(loaded, 2);
	expect(loaded, XRL_dropped_packets_limit, "what is permitted has a limit");
	loaded_permit(loaded, source, loaded_boot_ns() + 2 * HOUR_NS);
	expect(loaded, XRL_dropped_packets_limit, "a permit renewed is no new one");
	loaded_permit(loaded, source, 0);
	expect(loaded, XRL_passed_within_limits, "the permit is revoked");
	expect(loaded, XRL_dropped_packets_limit, "the limit is the old one");
	expect(loaded, XRL_dropped_penalty, "and so is the penalty");
}

/* Time ends it, and it stays in the map: nobody has put another generation in force. */
static void check_permit_end(struct loaded *loaded)
{
	__u64 until_ns;
	int passed;

	publish(loaded, &permitted_class);
	until_ns = loaded_boot_ns() + 20 * MS_NS;
	loaded_permit(loaded, source, until_ns);
	passed = runs_until(loaded, until_ns);
	tap_ok(passed == 3 || (passed == 4 && loaded_boot_ns() >= until_ns),
	       "so many pass with a permit as its class says");
	if (passed == 3)
		expect(loaded, XRL_passed_within_limits, "it ends: a window of the source's class");
	expect(loaded, XRL_dropped_packets_limit, "which holds as many as it should");
	expect(loaded, XRL_dropped_penalty, "and has its penalty");
	loaded_forget(loaded, source);
	expect(loaded, XRL_passed_within_limits, "a permit that ran out, without a bucket");
	expect(loaded, XRL_dropped_packets_limit, "is none");
}

/* The class of those that are permitted may also be a source's own. */
static void check_permit_in_same_class(struct loaded *loaded)
{
	static const struct policy_text same = {
		.classes = {{.limits = {"9/1h packets"}},
	                    {.limits = {"2/1h packets"}, .sources = "10.0.0.0/8"}},
		.permitted = 1};

	publish(loaded, &same);
	loaded_permit(loaded, source, loaded_boot_ns() - 1);
	run_often(loaded, 2);
	expect(loaded, XRL_dropped_packets_limit, "a permit that ran out, in the class of permits");
	repeat(loaded);
	expect(loaded, XRL_dropped_packets_limit, "and after a reload");
}

static int send_icmp_error(const struct loaded *loaded)
{
	struct shape shape = {.protocol = IPPROTO_ICMP, .icmp_type = 3, .source = source};
	unsigned char error[FRAME_ROOM];
	__u32 bytes = frame_build(&shape, error);

	return loaded_run(loaded, error, bytes, NULL);
}

/* Refused packets don't prolong it, nor do ICMP errors, for whose sake the bucket is looked at all
 * the time. */
static void check_penalty_end(struct loaded *loaded)
{
	static const struct policy_text penalty = {
		.classes = {{.limits = {"59/1h bytes"},
	                     .icmp_errors = "1000000/100ms packets",
	                     .penalty = "1/300ms packets"}}};
	__u64 begin_ns, end_ns;

	publish(loaded, &penalty);
	begin_ns = loaded_boot_ns();
	expect(loaded, XRL_dropped_bytes_limit, "an excess");
	expect(loaded, XRL_dropped_penalty, "is followed by a penalty");
	while (send_icmp_error(loaded) == XDP_PASS &&
	       loaded_counter_of(loaded, frame, FRAME_BYTES) == XRL_dropped_penalty &&
	       loaded_boot_ns() < begin_ns + GIVE_UP_NS)
		;
	end_ns = loaded_boot_ns();
	tap_ok(end_ns - begin_ns >= PENALTY_NS && end_ns - begin_ns < GIVE_UP_NS,
	       "it lasts as long as it should");
	tap_note("%llu us", (end_ns - begin_ns) / 1000);
	expect(loaded, XRL_dropped_penalty, "the next excess begins another one");
}

static void check_penalty_reload(struct loaded *loaded)
{
	static const struct policy_text penalty = {
		.classes = {{.limits = {"59/1h bytes"}, .penalty = "1/1h packets"}}};
	struct xrl_policy *policy;

	publish(loaded, &penalty);
	run(loaded);
	expect(loaded, XRL_dropped_penalty, "a penalty");
	policy = policies_repeat(loaded);
	policy->classes[0].limits[0].since_generation = loaded->meta->generation + 1;
	loaded_switch(loaded);
	expect(loaded, XRL_dropped_penalty, "another limit doesn't end it");
	policy = policies_repeat(loaded);
	policy->classes[0].penalty.since_generation = loaded->meta->generation + 1;
	loaded_switch(loaded);
	expect(loaded, XRL_dropped_bytes_limit, "another length does");
	policy = policies_repeat(loaded);
	policy->classes[0].penalty.period_ns = 0;
	loaded_switch(loaded);
	expect(loaded, XRL_dropped_bytes_limit, "and so does none");
}

/* It is the class's: in another one that has penalties, too, a source begins anew. */
static void check_penalty_and_class(struct loaded *loaded)
{
	static const struct policy_text penalty = {
		.classes = {{.limits = {"59/1h bytes"}, .penalty = "1/1h packets"},
	                    {.limits = {"1/1h packets"}, .penalty = "1/1h packets"}}};

	publish(loaded, &penalty);
	run(loaded);
	expect(loaded, XRL_dropped_penalty, "a penalty");
	policies_repeat(loaded)->default_class = 1;
	loaded_switch(loaded);
	expect(loaded, XRL_passed_within_limits, "it ends with the class");
}

/* Where permits have no class, the penalty is only out of force. */
static void check_penalty_and_permit(struct loaded *loaded)
{
	static const struct policy_text penalty = {
		.classes = {{.limits = {"1/1h packets"}, .penalty = "1/1h packets"}}};

	publish(loaded, &penalty);
	run_often(loaded, 3);
	expect(loaded, XRL_dropped_penalty, "in a penalty");
	loaded_permit(loaded, source, loaded_boot_ns() + HOUR_NS);
	expect(loaded, XRL_passed_permit, "a permit comes before it");
	loaded_permit(loaded, source, 0);
	expect(loaded, XRL_dropped_penalty, "and it goes on afterwards");
}

static void check_missing_map(struct loaded *loaded)
{
	static const struct policy_text endpoint = {
		.classes = {{.limits = {"4/1h packets", "1/1h packets endpoint udp/53"}}}};
	__u32 copy;

	publish(loaded, &endpoint);
	copy = loaded->meta->generation & 1;
	build(source, 53);
	expect(loaded, XRL_passed_within_limits, "a bucket apart");
	expect(loaded, XRL_dropped_packets_limit, "and a packet too many");
	bpf_map_delete_elem(loaded->separate_buckets, &copy);
	expect(loaded, XRL_passed_limiter_failed, "without a map of such buckets");
	expect(loaded, XRL_passed_limiter_failed, "again");
	expect(loaded, XRL_passed_limiter_failed, "and again");
	expect(loaded, XRL_dropped_packets_limit, "the source's own limit is in force");
	build((struct xrl_address){{10, 9, 9, 9}}, 54);
	expect(loaded, XRL_passed_within_limits, "another port needs no such bucket");
}

/* So many sources that the map is full many times over. */
static void check_eviction(struct loaded *loaded)
{
	static const struct policy_text endpoint = {
		.classes = {{.limits = {"2/1h packets endpoint udp/53"}}}};
	int passed = 0, limited = 0;

	publish(loaded, &endpoint);
	for (__u32 i = 0; i < 20000; i++) {
		build((struct xrl_address){{11, i >> 16, i >> 8, i}}, 53);
		passed += run(loaded) == XDP_PASS;
		if (i % 1000 == 0)
			limited += run(loaded) == XDP_PASS && run(loaded) == XDP_DROP;
	}
	tap_ok(passed == 20000, "sources push each other out of the buckets apart, and pass");
	tap_ok(limited == 20, "each is limited as long as it is there");
}

/* Each class redirects by an element of its own, in each copy of the policy. */
static void check_redirects(struct loaded *loaded)
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

		publish(loaded, &three);
		element = (loaded->meta->generation & 1) * XRL_MAX_CLASSES + i % 3;
		bpf_map_update_elem(loaded->redirects, &element, &ifindex, BPF_ANY);
		for (int class = 0; class < 3; class ++) {
			int action;

			build((struct xrl_address){{10, class ? class : 9, 0, 1}}, 443);
			action = run(loaded);
			right += class == i % 3 && action == XDP_REDIRECT;
			wrong += class != i % 3 && action != XDP_DROP;
		}
		bpf_map_delete_elem(loaded->redirects, &element);
		if (i == 2)
			repeat(loaded); /* from now on the other copy */
	}
	tap_ok(right == 6 && !wrong, "each class redirects to an interface of its own");
}

static void check_entry(enum loaded_entry entry)
{
	struct loaded_options options = {.entry = entry};
	struct loaded loaded;

	if (!tap_ok(!loaded_open(&loaded, &options), "%s loads", loaded_entry_name(entry)))
		return;
	check_class_change(&loaded);
	check_all_or_none(&loaded);
	check_renewal(&loaded);
	check_permit(&loaded);
	check_permit_end(&loaded);
	check_permit_in_same_class(&loaded);
	check_penalty_end(&loaded);
	check_penalty_reload(&loaded);
	check_penalty_and_class(&loaded);
	check_penalty_and_permit(&loaded);
	check_missing_map(&loaded);
	check_eviction(&loaded);
	check_redirects(&loaded);
	loaded_close(&loaded);
}

int main(void)
{
	for (enum loaded_entry entry = 0; entry < LOADED_ENTRIES; entry++)
		check_entry(entry);
	return tap_done();
}
