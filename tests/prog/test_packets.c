// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Packets as data (tests/prog/cases): each case is a frame, a policy, and the expected action and
 * counter. Exactly one counter increases, by one packet and the length of the frame. */

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/bpf.h>
#include <bpf/bpf.h>

#include "tests/prog/cases/frames.h"
#include "tests/prog/cases/limits.h"
#include "tests/prog/cases/policies.h"
#include "tests/prog/cases/scoped.h"
#include "tests/prog/cases/transport.h"
#include "tests/tap.h"
#include "tests/units.h"

#define LOOPBACK_IFINDEX 1

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct test_case by_default = {DEFAULT};
static const struct test_case one_packet = {ONE_PACKET};
static const struct test_case one_connection = {ONE_CONNECTION};

static const struct xrl_address source = {{198, 51, 100, 7}};

static unsigned char frame[FRAME_ROOM];

static void activate(struct program *program, const struct test_case *test)
{
	struct policy_text policy = *(test->policy ? test->policy : by_default.policy);

	for (int i = 0; i < POLICY_TEXT_CLASSES && test->mode; i++)
		policy.classes[i].action = test->mode;
	program_activate(program, &policy);
	program_delete_bucket(program, source);
	if (test->is_permitted)
		program_permit(program, source, boot_ns() + HOUR_NS);
}

/* Sets the default source if the frame names none. */
static struct frame_spec from_source(struct frame_spec spec)
{
	static const struct xrl_address unset;

	if (!memcmp(&spec.source, &unset, sizeof(unset)))
		spec.source = source;
	return spec;
}

static int send_frame(const struct program *program, const struct frame_spec *spec,
                      __u32 first_bytes)
{
	struct frame_spec sent = from_source(*spec);
	__u32 bytes = frame_build(&sent, frame);

	if (first_bytes)
		return program_run_split(program, frame, bytes, first_bytes);
	return program_run(program, frame, bytes, NULL);
}

static __u32 bytes_of(const struct frame_spec *spec)
{
	return frame_build(spec, frame);
}

/* Whether only this counter increased, by one packet of that length. */
static int moved_only(const struct xrl_counter_pair *before, const struct xrl_counter_pair *after,
                      __u32 counter, __u32 bytes)
{
	int good = 1;

	for (__u32 i = 0; i < XRL_COUNTERS; i++) {
		__u64 packets = after[i].packets - before[i].packets;
		__u64 sum = after[i].bytes - before[i].bytes;

		if (packets == (i == counter) && sum == (i == counter ? bytes : 0))
			continue;
		tap_note("%s increased by %llu packets and %llu bytes", counter_name(i), packets,
		         sum);
		good = 0;
	}
	if (!good)
		tap_note("expected: %s, %u bytes", counter_name(counter), bytes);
	return good;
}

static int check(const struct program *program, const struct test_case *test)
{
	struct xrl_counter_pair before[XRL_COUNTERS], after[XRL_COUNTERS];
	int got;

	program_read_counters(program, before);
	got = send_frame(program, &test->spec, test->first_bytes);
	program_read_counters(program, after);
	if (got != (int)test->action)
		tap_note("action %d, expected %d", got, test->action);
	return (got == (int)test->action) &
	       moved_only(before, after, test->counter, bytes_of(&test->spec));
}

static int is_nothing(const struct frame_spec *spec)
{
	static const struct frame_spec nothing;

	/* Both are static, so that their padding is zero. */
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
	return !memcmp(spec, &nothing, sizeof(nothing));
}

static int has_known_type(const struct frame_spec *spec)
{
	return !spec->ethertype;
}

/* The frames sent before the case: its `first`, or else its own frame, or an ordinary one if its
 * own is not IPv4. */
static const struct frame_spec *first_of(const struct test_case *test)
{
	if (is_nothing(&test->first) && has_known_type(&test->spec) && !test->spec.tags[2])
		return &test->spec;
	return &test->first;
}

static void check_case(struct program *program, const struct test_case *test)
{
	activate(program, test);
	for (int i = 0; i < test->before; i++)
		send_frame(program, first_of(test), 0);
	tap_ok(check(program, test), "%s: %s", test->text, counter_name(test->counter));
	if (test->is_permitted)
		program_permit(program, source, 0);
}

static __u32 least_transport_bytes(const struct frame_spec *spec)
{
	if (spec->fragment & 0x1FFF)
		return 0;
	if (spec->protocol == IPPROTO_TCP)
		return 20;
	return spec->protocol == IPPROTO_ICMP ? 8 : 0;
}

/* The expected result for a frame cut to `bytes`. `told`: its IPv4 header says so; otherwise the
 * header keeps the old length. */
static struct test_case expect_cut(const struct test_case *whole, __u32 bytes, int told)
{
	struct test_case test = *whole;
	__u32 link_bytes = frame_link_bytes(&test.spec);
	__u32 header_bytes = FRAME_IPV4_BYTES + test.spec.options_bytes;
	__u32 rest;

	test.spec.frame_bytes = bytes;
	if (bytes < link_bytes) {
		test.action = XDP_PASS;
		test.counter = XRL_passed_other;
		return test;
	}
	if (test.spec.ethertype || test.spec.tags[2])
		return test;

	rest = bytes - link_bytes;
	if (told && rest)
		test.spec.total_bytes = rest;
	if (rest >= FRAME_IPV4_BYTES && told && rest < header_bytes) {
		test.action = XDP_DROP;
		test.counter = XRL_dropped_malformed;
	} else if (!told || rest < header_bytes + least_transport_bytes(&test.spec)) {
		test.action = XDP_DROP;
		test.counter = XRL_dropped_truncated;
	}
	return test;
}

/* Prints one point for all lengths. */
static void check_cuts(struct program *program, const struct test_case *whole, int told)
{
	__u32 end = frame_header_bytes(&whole->spec);
	int good = 1;

	activate(program, whole);
	for (__u32 bytes = FRAME_LINK_BYTES; bytes < end; bytes++) {
		struct test_case test = expect_cut(whole, bytes, told);

		if (check(program, &test))
			continue;
		tap_note("cut to %u of %u bytes", bytes, end);
		good = 0;
	}
	tap_ok(good, "%s: cut to every length from %d to %u%s", whole->text, FRAME_LINK_BYTES,
	       end - 1, told ? ", total length adjusted" : "");
	tap_ok(check(program, whole), "%s: whole", whole->text);
}

/* A SYN over its limit is recognized behind options of any length. */
static void check_options(struct program *program)
{
	for (__u32 options = 0; options <= 40; options += 4) {
		struct test_case test = {
			"",
			{SYN, .options_bytes = options},
			DROPPED(connections_limit),
			ONE_CONNECTION,
			.before = 1,
		};
		char text[64];

		snprintf(text, sizeof(text), "%u bytes of IPv4 options", options);
		test.text = text;
		check_case(program, &test);
	}
}

/* Addresses that differ in any octet are different sources. */
static void check_sources(struct program *program)
{

	activate(program, &one_packet);
	send_frame(program, &one_packet.spec, 0);
	for (int octet = 0; octet < 4; octet++) {
		struct frame_spec spec = {.source = source};
		__u32 bytes;

		spec.source.octets[octet] ^= 1;
		program_delete_bucket(program, spec.source);
		bytes = frame_build(&spec, frame);
		tap_ok(program_run(program, frame, bytes, NULL) == XDP_PASS &&
		               program_run(program, frame, bytes, NULL) == XDP_DROP,
		       "addresses that differ in octet %d are different sources", octet);
	}
}

/* A driver may leave any part of a frame, even all of it, to further buffers. A second SYN is over
 * its limit wherever the first buffer ends. */
static void check_splits(struct program *program)
{
	struct frame_spec spec = {SYN, TAGS(VLAN), .options_bytes = 8, .payload_bytes = 900};
	__u32 bytes = frame_build(&spec, frame), end = frame_header_bytes(&spec);
	int good = 1;

	activate(program, &one_connection);
	if (program_run_split(program, frame, bytes, end) == -EINVAL) {
		tap_ok(1, "frames split at any byte # SKIP test runs can't split frames here");
		return;
	}
	for (__u32 first_bytes = 0; first_bytes <= end; first_bytes++) {
		struct xrl_counter_pair before[XRL_COUNTERS], after[XRL_COUNTERS];
		int action;

		program_read_counters(program, before);
		action = program_run_split(program, frame, bytes, first_bytes);
		program_read_counters(program, after);
		if (action == XDP_DROP &&
		    after[XRL_dropped_connections_limit].bytes ==
		            before[XRL_dropped_connections_limit].bytes + bytes)
			continue;
		tap_note("%u of %u bytes in the first buffer: action %d", first_bytes, bytes,
		         action);
		good = 0;
	}
	tap_ok(good, "frames split at any byte of their headers are limited");
}

/* The loopback interface suffices, since test runs send no frame. */
static int allow_redirects(const struct program *program)
{
	__u32 ifindex = LOOPBACK_IFINDEX;

	for (__u32 class = 0; class < XRL_COPIES * XRL_MAX_CLASSES; class ++)
		if (bpf_map_update_elem(program->redirects, &class, &ifindex, BPF_ANY))
			return 0;
	return 1;
}

static void check_cases(struct program *program, const struct test_case *tests, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_case(program, &tests[i]);
}

/* Skips if test runs can't split frames. */
static void check_split_cases(struct program *program)
{
	__u32 bytes = frame_build(&split_cases[0].spec, frame);

	if (program_run_split(program, frame, bytes, FRAME_LINK_BYTES) == -EINVAL)
		tap_ok(1, "frames in two buffers # SKIP test runs can't split frames here");
	else
		check_cases(program, split_cases, COUNT(split_cases));
}

static void check_entry(enum program_entry entry)
{
	struct program_options options = {.entry = entry};
	struct program program;
	int error = program_open(&program, &options);

	if (!tap_ok(!error, "%s loads", program_entry_name(entry)))
		return;
	tap_ok(allow_redirects(&program), "can set the redirects");
	check_cases(&program, frame_cases, COUNT(frame_cases));
	check_cases(&program, limit_cases, COUNT(limit_cases));
	check_cases(&program, policy_cases, COUNT(policy_cases));
	check_cases(&program, scoped_cases, COUNT(scoped_cases));
	check_cases(&program, http_cases, COUNT(http_cases));
	if (entry == PROGRAM_FRAGS) {
		check_cases(&program, jumbo_cases, COUNT(jumbo_cases));
		check_split_cases(&program);
	}
	for (size_t i = 0; i < COUNT(cut_cases); i++) {
		check_cuts(&program, &cut_cases[i], 0);
		check_cuts(&program, &cut_cases[i], 1);
	}
	check_options(&program);
	check_sources(&program);
	if (entry == PROGRAM_FRAGS)
		check_splits(&program);
	program_close(&program);
}

int main(void)
{
	for (enum program_entry entry = 0; entry < PROGRAM_ENTRIES; entry++) {
		tap_note("entry point %s", program_entry_name(entry));
		check_entry(entry);
	}
	return tap_done();
}
