// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* The fast pass for common frames (bpf/parse/common_frame.h) reaches the same verdicts as the full
 * pass. The program is loaded twice; the policy of the second one also needs a fact that no limit
 * uses, so that it takes the full pass for all packets. Other tests show that the verdicts are
 * right.
 *
 * usage: test_fast_pass [SEED [FRAMES]]; SEED may also be set in the environment */

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "tests/prog/lib/random_frame.h"
#include "tests/prog/lib/pair.h"
#include "tests/prog/cases/frames.h"
#include "tests/prog/cases/limits.h"
#include "tests/prog/cases/policies.h"
#include "tests/prog/cases/scoped.h"
#include "tests/prog/cases/transport.h"
#include "tests/tap.h"
#include "tests/units.h"

#define FRAMES             200000
#define EPOCH_FRAMES       1000
#define PERMIT_EVERY       300
#define LEAST_OF_A_COUNTER 5
#define FRAME_BYTES        60

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ROOM_FOR_ALL .limits = {"1000000/1h packets"}, .icmp_errors = "1000000/1h packets"
#define ROOM_FOR_TWO .limits = {"2/1h packets"}, .icmp_errors = "1/1h packets"

/* Only the first two classes of the last scenario are simple. */
static const struct pair_scenario scenarios[] = {
	{.text = "room for all", .policy.classes = {{ROOM_FOR_ALL}}},
	{.text = "room for two", .policy.classes = {{ROOM_FOR_TWO}}},
	{.text = "two, monitor", .policy.classes = {{ROOM_FOR_TWO, .action = XRL_MONITOR}}},
	{.text = "two, redirected to nowhere",
         .policy.classes = {{ROOM_FOR_TWO, .action = XRL_REDIRECT}}},
	{.text = "two, redirected",
         .policy.classes = {{ROOM_FOR_TWO, .action = XRL_REDIRECT}},
         .has_target = 1},
	{.text = "permits with a class",
         .policy.classes = {{ROOM_FOR_TWO}, {.limits = {"4/1h packets"}}},
         .policy.permitted = 1},
	{.text = "classes of all kinds",
         .policy.classes =
                 {{.limits = {"3/1h packets"}},
                  {.limits = {"5/1h packets"}, .sources = "128.0.0.0/1", .action = XRL_MONITOR},
                  {.limits = {"9/1h packets", "150/1h bytes"}, .sources = "10.0.0.0/24"},
                  {.sources = "10.0.1.0/24"},
                  {.limits = {"2/1h packets"}, .penalty = "1/1h packets", .sources = "10.0.2.0/24"},
                  {.limits = {"4/1h packets"}, .warn_percent = 50, .sources = "10.0.3.0/24"}}},
};
#define SCENARIOS_OF_ONE_CLASS 5

static const struct xrl_address source = {{198, 51, 100, 7}};
static unsigned char frame[FRAME_ROOM];

static void activate(struct pair *pair, const struct pair_scenario *scenario)
{
	pair_activate(pair, scenario);
	for (int pass = 0; pass < PASSES; pass++)
		program_delete_bucket(&pair->programs[pass], source);
}

static int agree_often(struct pair *pair, const struct frame_spec *spec, __u32 first_bytes,
                       int times)
{
	static const struct xrl_address unset;
	struct frame_spec sent = *spec;
	__u32 bytes;

	if (!memcmp(&sent.source, &unset, sizeof(unset)))
		sent.source = source;
	bytes = frame_build(&sent, frame);
	while (times--)
		if (!pair_agree(pair, frame, bytes, first_bytes))
			return 0;
	return 1;
}

/* ---- the same frames in both passes ---- */

/* Runs each case with a new bucket, and repeats it until the source is in the reject cache. */
static int agree_on_cases(struct pair *pair, const struct pair_scenario *scenario,
                          const struct test_case *tests, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		activate(pair, scenario);
		if (agree_often(pair, &tests[i].first, 0, 1) &&
		    agree_often(pair, &tests[i].spec, tests[i].first_bytes, 5))
			continue;
		tap_note("%s", tests[i].text);
		return 0;
	}
	return 1;
}

static int agree_on_cuts(struct pair *pair, const struct pair_scenario *scenario,
                         const struct test_case *whole)
{
	struct frame_spec spec = whole->spec;
	__u32 link_bytes = frame_link_bytes(&spec), end = frame_header_bytes(&spec) + 20;
	int good = 1;

	activate(pair, scenario);
	for (__u32 bytes = FRAME_LINK_BYTES; bytes < end && good; bytes++) {
		spec.frame_bytes = bytes;
		spec.total_bytes = 0;
		good = agree_often(pair, &spec, 0, 2);
		if (bytes > link_bytes)
			spec.total_bytes = bytes - link_bytes;
		good &= agree_often(pair, &spec, 0, 2);
	}
	return good;
}

/* Consistent and inconsistent lengths, around those of the headers and of the smallest frame. */
static int agree_on_lengths(struct pair *pair, const struct pair_scenario *scenario)
{
	static const __u16 lengths[] = {33, 34, 35, 41, 42, 43, 53, 54, 55, 59, 60, 61, 62, 64};
	static const __u8 protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_GRE};
	static const __u16 fragments[] = {0, FRAME_MORE_FRAGMENTS, FRAME_LAST_FRAGMENT,
	                                  FRAME_DONT_FRAGMENT, FRAME_MORE_FRAGMENTS | 0x1F00};
	struct frame_spec spec = {};
	int good = 1;

	activate(pair, scenario);
	for (__u32 i = 0; i < COUNT(lengths) * COUNT(protocols) * COUNT(fragments); i++) {
		spec.frame_bytes = lengths[i % COUNT(lengths)];
		spec.protocol = protocols[i / COUNT(lengths) % COUNT(protocols)];
		spec.fragment = fragments[i / COUNT(lengths) / COUNT(protocols)];
		for (int total = 18; total < 52 && good; total++) {
			spec.total_bytes = total;
			good = agree_often(pair, &spec, 0, 1);
		}
	}
	spec = (struct frame_spec){.frame_bytes = FRAME_BYTES};
	for (int first = 1; first < 256 && good; first++) {
		spec.version_ihl = first;
		good = agree_often(pair, &spec, 0, 1);
	}
	return good;
}

static void check_scenario(struct pair *pair, const struct pair_scenario *scenario, int has_frags)
{
	int good = 1;

	tap_ok(agree_on_cases(pair, scenario, frame_cases, COUNT(frame_cases)) &&
	               agree_on_cases(pair, scenario, limit_cases, COUNT(limit_cases)) &&
	               agree_on_cases(pair, scenario, policy_cases, COUNT(policy_cases)) &&
	               agree_on_cases(pair, scenario, scoped_cases, COUNT(scoped_cases)) &&
	               agree_on_cases(pair, scenario, http_cases, COUNT(http_cases)),
	       "%s: both passes agree on frames of all kinds", scenario->text);
	for (size_t i = 0; i < COUNT(cut_cases); i++)
		good &= agree_on_cuts(pair, scenario, &cut_cases[i]);
	tap_ok(good, "%s: they agree on frames cut to any length", scenario->text);
	tap_ok(agree_on_lengths(pair, scenario), "%s: they agree on all combinations of lengths",
	       scenario->text);
	if (has_frags)
		tap_ok(agree_on_cases(pair, scenario, jumbo_cases, COUNT(jumbo_cases)) &&
		               agree_on_cases(pair, scenario, split_cases, COUNT(split_cases)),
		       "%s: they agree on multi-buffer frames", scenario->text);
}

static void next_permit(struct pair *pair)
{
	struct xrl_address address = random_address();
	__u64 until_ns[] = {boot_ns() + HOUR_NS, 1, 0, 0};
	__u32 which = random_below(COUNT(until_ns));

	for (int pass = 0; pass < PASSES; pass++)
		program_permit(&pair->programs[pass], address, until_ns[which]);
}

/* At the end of the packet, at the length of the smallest frame, or anywhere. */
static __u32 random_split(__u32 bytes)
{
	__u32 ends[] = {FRAME_LINK_BYTES + (frame[16] << 8 | frame[17]), FRAME_BYTES,
	                random_below(bytes) + 1};
	__u32 end = ends[random_below(COUNT(ends))];

	return end < bytes ? end : 0;
}

/* Changes the frame but not its source (octets 26 to 29), so that a bucket and a reject cache entry
 * meet frames of all kinds. */
static void change_octet(__u32 bytes)
{
	__u32 octet = FRAME_LINK_BYTES + random_below(40);

	if (octet < bytes && (octet < 26 || octet > 29))
		frame[octet] ^= 1 << random_below(8);
}

static int agree_on_random(struct pair *pair, __u32 frames, int has_splits)
{
	for (__u32 i = 0, bytes = 0, more = 0; i < frames; i++) {
		if (i % EPOCH_FRAMES == 0)
			activate(pair, &scenarios[i / EPOCH_FRAMES % COUNT(scenarios)]);
		if (i % PERMIT_EVERY == 0)
			next_permit(pair);
		if (!more) {
			bytes = random_frame(frame);
			more = one_in(2) ? 1 + random_below(8) : 1;
		}
		if (!pair_agree(pair, frame, bytes,
		                has_splits && one_in(6) ? random_split(bytes) : 0)) {
			tap_note("frame %u, %s", i,
			         scenarios[i / EPOCH_FRAMES % COUNT(scenarios)].text);
			return 0;
		}
		if (--more && one_in(3))
			change_octet(bytes);
	}
	return 1;
}

/* A verdict that was never reached was not compared. */
static int reached_all(const struct pair *pair)
{
	static const __u32 counters[] = {XRL_passed_within_limits,
	                                 XRL_passed_near_limit,
	                                 XRL_passed_permit,
	                                 XRL_passed_trusted,
	                                 XRL_passed_icmp_error,
	                                 XRL_passed_other,
	                                 XRL_passed_monitor_packets_limit,
	                                 XRL_dropped_packets_limit,
	                                 XRL_dropped_bytes_limit,
	                                 XRL_dropped_icmp_errors_limit,
	                                 XRL_dropped_penalty,
	                                 XRL_dropped_truncated,
	                                 XRL_dropped_malformed,
	                                 XRL_dropped_redirect_gone,
	                                 XRL_redirected_packets_limit};
	int good = 1;

	for (size_t i = 0; i < COUNT(counters); i++) {
		__u64 packets = pair->seen[FAST][counters[i]].packets;

		tap_note("%8llu %s", packets, counter_name(counters[i]));
		good &= packets >= LEAST_OF_A_COUNTER;
	}
	return good;
}

static void check_random(struct pair *pair, __u32 frames, int has_frags)
{
	int has_splits;

	activate(pair, &scenarios[0]);
	frame_build(&(struct frame_spec){.payload_bytes = 90}, frame);
	has_splits = has_frags && program_run_split(&pair->programs[FAST], frame, 120, 60) >= 0 &&
	             program_run_split(&pair->programs[FULL], frame, 120, 60) >= 0;
	tap_ok(agree_on_random(pair, frames, has_splits), "both passes agree on %u random frames%s",
	       frames, has_splits ? ", some in two buffers" : "");
	tap_ok(pair_buckets_match(pair), "all buckets match");
	tap_ok(reached_all(pair), "each verdict is reached at least %d times", LEAST_OF_A_COUNTER);
}

/* The flood is over, but no packet has come since; a common frame disengages the gate. */
static void check_end_of_flood(struct pair *pair)
{
	__u64 engaged = 0;
	int good;

	activate(pair, &scenarios[0]);
	good = agree_often(pair, &(struct frame_spec){.frame_bytes = FRAME_BYTES}, 0, 1);
	for (int pass = 0; pass < PASSES; pass++)
		pair->programs[pass].flood->engaged_until_jiffies = 1;
	good &= agree_often(pair, &(struct frame_spec){.frame_bytes = FRAME_BYTES}, 0, 1);
	for (int pass = 0; pass < PASSES; pass++)
		engaged |= pair->programs[pass].flood->engaged_until_jiffies;
	tap_ok(good && !engaged, "both passes disengage the gate after a flood");
}

static void check_entry(enum program_entry entry, __u32 frames)
{
	int has_frags = entry == PROGRAM_FRAGS;
	struct pair pair;

	if (tap_ok(!pair_open(&pair, entry), "%s loads twice", program_entry_name(entry))) {
		for (int i = 0; i < SCENARIOS_OF_ONE_CLASS; i++)
			check_scenario(&pair, &scenarios[i], has_frags);
		check_random(&pair, frames, has_frags);
		check_end_of_flood(&pair);
		/* otherwise both would have taken the full pass */
		tap_ok(!pair.fast_wants, "the first program needs no further facts");
	}
	pair_close(&pair);
}

int main(int argc, char **argv)
{
	random_frame_run(argc, argv, FRAMES, check_entry);
	return tap_done();
}
