// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Common frames that need the full pass: sources with a permit, classes that are not simple, and
 * buckets with an open window of ICMP errors. The tests repeat each point and stay on one CPU, so
 * that the reject cache (bpf/bucket/reject_cache.h) takes part. */

#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/program.h"
#include "tests/prog/lib/policy.h"
#include "tests/tap.h"
#include "tests/units.h"

#define FRAME_BYTES 60
#define TIMES       20
#define ROUNDS      9
#define SHORT_MS    100

/* A constant expression; only gcc accepts `source` itself as one. */
#define SOURCE ((struct xrl_address){{198, 51, 100, 9}})
static const struct xrl_address source = SOURCE;
static unsigned char frame[FRAME_ROOM];

static void build(struct xrl_address from)
{
	frame_build(&(struct frame_spec){.frame_bytes = FRAME_BYTES, .source = from}, frame);
}

static __u32 next_counter(const struct program *program)
{
	return program_run_counter(program, frame, FRAME_BYTES);
}

static int is_counted(const struct program *program, __u32 counter)
{
	return next_counter(program) == counter;
}

/* The fast pass requires a policy that needs no further facts about a packet. */
static void activate(struct program *program, const struct policy_text *policy)
{
	program_activate(program, policy);
	program_permit(program, source, 0);
	program_delete_bucket(program, source);
	build(source);
	if (program->policies[program->meta->generation & 1].wants)
		tap_ok(0, "the policy needs no further facts about a packet");
}

static struct xrl_bucket bucket_of(const struct program *program, struct xrl_address address)
{
	struct xrl_bucket bucket = {};

	program_read_bucket(program, address, &bucket);
	return bucket;
}

/* The next packet increments this counter, and the bucket then records a permit, or none. */
static int is_permitted(const struct program *program, __u32 counter)
{
	return is_counted(program, counter) && bucket_of(program, source).resolved.has_permit;
}

static int is_unpermitted(const struct program *program, __u32 counter)
{
	struct xrl_bucket bucket;
	int good = is_counted(program, counter);

	bucket = bucket_of(program, source);
	return good && bucket.resolved.generation && !bucket.resolved.has_permit &&
	       !bucket.permit_until_boot_ns;
}

/* ---- permits ---- */

/* `after`: the counter of a packet after the permit. Without a permit, the source has used up its 2
 * packets. */
struct permits {
	const char *text;
	struct policy_text policy;
	__u32 after;
};

#define ROOM_FOR_ALL .limits = {"1000000/1h packets"}
#define ROOM_FOR_TWO .limits = {"2/1h packets"}

static const struct permits kinds[] = {
	{"without a class", .policy.classes = {{ROOM_FOR_TWO}}, .after = XRL_dropped_packets_limit},
	{"with a class", .policy.classes = {{ROOM_FOR_TWO}, {ROOM_FOR_ALL}}, .policy.permitted = 1,
         .after = XRL_passed_within_limits},
};

static void permit(struct program *program, __u64 ns)
{
	program_permit(program, source, boot_ns() + ns);
}

/* Gets the source rejected and into the reject cache. */
static int reject(struct program *program, const struct permits *kind)
{
	activate(program, &kind->policy);
	return is_unpermitted(program, XRL_passed_within_limits) &&
	       is_unpermitted(program, XRL_passed_within_limits) &&
	       is_unpermitted(program, XRL_dropped_packets_limit) &&
	       is_unpermitted(program, XRL_dropped_packets_limit) &&
	       is_unpermitted(program, XRL_dropped_packets_limit);
}

/* Grants a permit for `ns`: packets before its end are permitted, those after it are not. The clock
 * is read before and after each packet; a packet is unambiguous if both readings are on the same
 * side of the end. */
static int ends_in_time(struct program *program, __u64 ns, __u32 after)
{
	__u64 until_ns, before_ns, after_ns;
	struct xrl_bucket bucket;
	__u32 counter;
	int inside = 0;

	/* repeated if no packet came before the end because the machine was busy */
	do {
		until_ns = boot_ns() + ns;
		program_permit(program, source, until_ns);
		do {
			before_ns = boot_ns();
			counter = next_counter(program);
			after_ns = boot_ns();
			bucket = bucket_of(program, source);
			inside += after_ns < until_ns;
			if (after_ns < until_ns &&
			    (counter != XRL_passed_permit || !bucket.resolved.has_permit))
				return 0;
		} while (before_ns < until_ns);
	} while (!inside);
	return counter == after && !bucket.resolved.has_permit && !bucket.permit_until_boot_ns;
}

static void check_permit(struct program *program, const struct permits *kind)
{
	int granted = 0, kept = 0, revoked = 0, made = 0;

	for (int i = 0; i < TIMES; i++) {
		granted += reject(program, kind);
		permit(program, HOUR_NS);
		granted += is_permitted(program, XRL_passed_permit);
		kept += is_permitted(program, XRL_passed_permit) &&
		        is_permitted(program, XRL_passed_permit);
		program_permit(program, source, 0);
		revoked += is_unpermitted(program, kind->after);
		permit(program, HOUR_NS);
		program_delete_bucket(program, source);
		made += is_permitted(program, XRL_passed_permit);
	}
	tap_ok(granted == 2 * TIMES, "%s: a permit lifts the limit at once", kind->text);
	tap_ok(kept == TIMES, "%s: it applies to every packet", kind->text);
	tap_ok(revoked == TIMES, "%s: a revocation applies at once", kind->text);
	tap_ok(made == TIMES, "%s: a new bucket records the permit", kind->text);
}

static void reload(struct program *program)
{
	program_edit_policy(program);
	program_commit(program);
}

static void check_permit_end(struct program *program, const struct permits *kind)
{
	int ended = 0, rejected = 0, renewed = 0, unseen = 0, longer = 0, reloaded = 0;

	for (int i = 0; i < TIMES; i++) {
		reject(program, kind);
		ended += ends_in_time(program, 2 * MS_NS, kind->after);
		for (int j = 0; j < 4; j++)
			next_counter(program);
		rejected += is_unpermitted(program, XRL_dropped_packets_limit);
		reload(program);
		rejected += is_unpermitted(program, XRL_dropped_packets_limit);
		permit(program, HOUR_NS);
		renewed += is_permitted(program, XRL_passed_permit);
		permit(program, MS_NS / 10);
		next_counter(program);
		usleep(200);
		permit(program, HOUR_NS);
		unseen += is_permitted(program, XRL_passed_permit);
		permit(program, MS_NS);
		next_counter(program);
		permit(program, HOUR_NS);
		usleep(1100);
		longer += is_permitted(program, XRL_passed_permit);
		permit(program, 0);
		reload(program);
		reloaded += is_unpermitted(program, kind->after);
	}
	tap_ok(ended == TIMES, "%s: a permit expires on time, to the nanosecond", kind->text);
	tap_ok(rejected == 2 * TIMES, "%s: then the limit applies, also after a reload",
	       kind->text);
	/* on a busy machine, they may expire before a packet sees them */
	tap_ok(renewed > TIMES / 2, "%s: an expired permit can be renewed", kind->text);
	tap_ok(unseen > TIMES / 2, "%s: also if no packet has seen it expire", kind->text);
	tap_ok(longer == TIMES, "%s: a permit can be renewed before it expires", kind->text);
	tap_ok(reloaded == TIMES, "%s: a reload does not revive an expired permit", kind->text);
}

/* The window as one packed word. */
static __u64 window_of(const struct program *program)
{
	struct xrl_bucket bucket = bucket_of(program, source);
	__u64 word;

	memcpy(&word, &bucket.windows[0], sizeof(word));
	return word;
}

/* Packets with a permit cost nothing, and the window keeps its usage. */
static void check_window(struct program *program)
{
	int revoked = 0, ended = 0;

	for (int i = 0; i < TIMES; i++) {
		__u64 window;

		reject(program, &kinds[0]);
		window = window_of(program);
		permit(program, HOUR_NS);
		is_permitted(program, XRL_passed_permit);
		revoked += window_of(program) == window;
		program_permit(program, source, 0);
		next_counter(program);
		revoked += window && window_of(program) == window;
		ended += ends_in_time(program, MS_NS, XRL_dropped_packets_limit) &&
		         window_of(program) == window;
	}
	tap_ok(revoked == 2 * TIMES, "the window survives a permit and its revocation");
	tap_ok(ended == TIMES, "the window survives the expiry of a permit");
}

static const struct permits own_class = {
	.text = "a source whose own class is the class of permits",
	.policy.classes = {{ROOM_FOR_TWO},
                           {.limits = {"4/1h packets"}, .sources = "198.51.100.0/24"}},
	.policy.permitted = 1,
};

/* Every packet costs a unit, with or without a permit. */
static void check_own_class(struct program *program)
{
	int granted = 0, counted = 0, ended = 0, forgotten = 0;

	for (int i = 0; i < TIMES; i++) {
		__u64 window;

		activate(program, &own_class.policy);
		is_unpermitted(program, XRL_passed_within_limits);
		window = window_of(program);
		permit(program, MS_NS);
		granted += is_permitted(program, XRL_passed_permit);
		counted += window && window_of(program) == window + 1;
		usleep(1100);
		ended += is_counted(program, XRL_passed_within_limits) &&
		         window_of(program) == window + 2 &&
		         is_counted(program, XRL_passed_within_limits) &&
		         is_counted(program, XRL_dropped_packets_limit);
		forgotten += is_unpermitted(program, XRL_dropped_packets_limit);
	}
	tap_ok(granted > TIMES / 2, "%s: a permit applies", own_class.text);
	tap_ok(counted == TIMES, "%s: the window continues", own_class.text);
	tap_ok(ended == TIMES, "%s: it continues when the permit expires", own_class.text);
	tap_ok(forgotten == TIMES, "%s: the bucket no longer records the permit", own_class.text);
}

/* A source rejected in spite of a permit must not enter the reject cache, where it would outlive
 * the permit. */
static void check_used_up(struct program *program)
{
	static const struct policy_text policy = {
		.classes = {{ROOM_FOR_TWO}, {.limits = {"1/1h packets"}}}, .permitted = 1};
	int rejected = 0, ended = 0;

	for (int i = 0; i < TIMES; i++) {
		__u64 until_ns, before_ns;
		__u32 counter, others = 0;

		activate(program, &policy);
		until_ns = boot_ns() + 2 * MS_NS;
		program_permit(program, source, until_ns);
		do {
			before_ns = boot_ns();
			counter = next_counter(program);
			others += counter == XRL_dropped_packets_limit;
		} while (before_ns < until_ns);
		rejected += others > 4;
		ended += counter == XRL_passed_within_limits;
	}
	tap_ok(rejected > TIMES / 2, "the class of permits has a limit");
	tap_ok(ended == TIMES, "that limit ends with the permit");
}

/* ---- classes ---- */

/* The first two classes are simple. */
static const struct policy_text all_kinds = {
	.classes = {
		{.limits = {"3/1h packets"}},
		{.limits = {"5/1h packets"}, .sources = "10.1.0.0/16", .action = XRL_MONITOR},
		{.limits = {"9/1h packets", "150/1h bytes"}, .sources = "10.2.0.0/16"},
		{.sources = "10.3.0.0/16"},
		{.limits = {"2/1h packets"}, .penalty = "1/1h packets", .sources = "10.4.0.0/16"},
		{.limits = {"4/1h packets"}, .warn_percent = 50, .sources = "10.5.0.0/16"}}};

#define WITHIN    XRL_passed_within_limits
#define NEAR      XRL_passed_near_limit
#define TRUSTED   XRL_passed_trusted
#define OVER      XRL_dropped_packets_limit
#define BYTES     XRL_dropped_bytes_limit
#define PENALTY   XRL_dropped_penalty
#define MONITORED XRL_passed_monitor_packets_limit

static const struct {
	const char *text;
	__u32 counters[ROUNDS];
	__u32 used;
} classes[POLICY_TEXT_CLASSES] = {
	{"the default", {WITHIN, WITHIN, WITHIN, OVER, OVER, OVER, OVER, OVER, OVER}, 3},
	{"another simple class",
         {WITHIN, WITHIN, WITHIN, WITHIN, WITHIN, MONITORED, MONITORED, MONITORED, MONITORED},
         5},
	{"a class of two limits",
         {WITHIN, WITHIN, BYTES, BYTES, BYTES, BYTES, BYTES, BYTES, BYTES},
         2},
	{"a trusted class",
         {TRUSTED, TRUSTED, TRUSTED, TRUSTED, TRUSTED, TRUSTED, TRUSTED, TRUSTED, TRUSTED},
         0},
	{"a class with a penalty",
         {WITHIN, WITHIN, OVER, PENALTY, PENALTY, PENALTY, PENALTY, PENALTY, PENALTY},
         2},
	{"a class that warns", {WITHIN, NEAR, NEAR, NEAR, OVER, OVER, OVER, OVER, OVER}, 4},
};

static struct xrl_address source_of(int class)
{
	return (struct xrl_address){{10, class ? class : 9, 0, 1}};
}

/* One class after the other, or interleaved. */
static void check_classes(struct program *program, int interleaved)
{
	int good[POLICY_TEXT_CLASSES] = {};

	activate(program, &all_kinds);
	for (int class = 0; class < POLICY_TEXT_CLASSES; class ++)
		program_delete_bucket(program, source_of(class));
	for (int i = 0; i < POLICY_TEXT_CLASSES * ROUNDS; i++) {
		int class = interleaved ? i % POLICY_TEXT_CLASSES : i / ROUNDS;
		int round = interleaved ? i / POLICY_TEXT_CLASSES : i % ROUNDS;

		build(source_of(class));
		good[class] += is_counted(program, classes[class].counters[round]);
	}
	for (int class = 0; class < POLICY_TEXT_CLASSES; class ++) {
		struct xrl_bucket bucket = bucket_of(program, source_of(class));

		tap_ok(good[class] == ROUNDS && bucket.resolved.class_number == class &&
		               bucket.windows[0].used_units == classes[class].used,
		       "%s%s: every packet gets the right verdict", classes[class].text,
		       interleaved ? ", interleaved with the others" : "");
	}
}

/* ---- ICMP errors ---- */

static __u32 next_icmp_error(const struct program *program)
{
	static const struct frame_spec error = {.protocol = IPPROTO_ICMP,
	                                        .icmp_type = 3,
	                                        .frame_bytes = FRAME_BYTES,
	                                        .source = SOURCE};
	unsigned char other[FRAME_ROOM];

	return program_run_counter(program, other, frame_build(&error, other));
}

static int has_used(const struct program *program, __u32 packets, __u32 icmp_errors)
{
	struct xrl_bucket bucket = bucket_of(program, source);

	return bucket.windows[0].used_units == packets &&
	       bucket.icmp_errors.used_units == icmp_errors;
}

/* Before the source's own window opens, or while it is open. */
static void check_icmp_errors(struct program *program, int packets_before)
{
	static const struct policy_text policy = {
		.classes = {{.limits = {"4/1h packets"}, .icmp_errors = "2/1h packets"}}};
	int opened = 0, continued = 0, rejected = 0;

	for (int i = 0; i < TIMES; i++) {
		activate(program, &policy);
		for (int j = 0; j < packets_before; j++)
			next_counter(program);
		opened += next_icmp_error(program) == XRL_passed_icmp_error &&
		          has_used(program, packets_before, 1);
		for (int j = packets_before; j < 4; j++)
			continued += is_counted(program, XRL_passed_within_limits) &&
			             has_used(program, j + 1, 1);
		for (int j = 0; j < 4; j++)
			rejected += is_counted(program, XRL_dropped_packets_limit);
		rejected += next_icmp_error(program) == XRL_passed_icmp_error &&
		            next_icmp_error(program) == XRL_dropped_icmp_errors_limit &&
		            is_counted(program, XRL_dropped_packets_limit) &&
		            has_used(program, 4, 2);
	}
	tap_ok(opened == TIMES, "an ICMP error after %d packets opens its window", packets_before);
	tap_ok(continued == (4 - packets_before) * TIMES, "the source's packets still pass");
	tap_ok(rejected == 5 * TIMES, "each of the two limits rejects independently");
}

/* A packet that opens the source's window halfway leaves the end of the other window as it is. */
static void check_icmp_errors_end(struct program *program)
{
	static const struct policy_text policy = {
		.classes = {{.limits = {"4/100ms packets"}, .icmp_errors = "1/100ms packets"}}};
	int good = 1;

	for (int i = 0; i < 3; i++) {
		__u64 begin_ns;

		activate(program, &policy);
		good &= next_icmp_error(program) == XRL_passed_icmp_error;
		begin_ns = boot_ns();
		usleep(SHORT_MS / 2 * 1000);
		good &= is_counted(program, XRL_passed_within_limits);
		while (boot_ns() <= begin_ns + (SHORT_MS + 1) * MS_NS)
			;
		good &= next_icmp_error(program) == XRL_passed_icmp_error;
	}
	tap_ok(good, "packets do not extend the window of ICMP errors");
}

static void check_entry(enum program_entry entry)
{
	struct program_options options = {.entry = entry};
	struct program program;

	if (!tap_ok(!program_open(&program, &options), "%s loads", program_entry_name(entry)))
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		check_permit(&program, &kinds[i]);
		check_permit_end(&program, &kinds[i]);
	}
	check_window(&program);
	check_own_class(&program);
	check_used_up(&program);
	check_classes(&program, 0);
	check_classes(&program, 1);
	check_icmp_errors(&program, 0);
	check_icmp_errors(&program, 1);
	check_icmp_errors_end(&program);
	program_close(&program);
}

int main(void)
{
	pin_to_current_cpu();
	for (enum program_entry entry = 0; entry < PROGRAM_ENTRIES; entry++)
		check_entry(entry);
	return tap_done();
}
