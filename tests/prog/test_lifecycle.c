// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Behavior over time: permits that begin and expire, policies that replace each other, interfaces
 * that disappear, a full map. */

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <bpf/bpf.h>

#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/program.h"
#include "tests/tap.h"
#include "tests/units.h"

#define FRAME_BYTES 60
#define FAR_PACKETS "1000000/1h packets"

static const struct xrl_address source = {{198, 51, 100, 9}};
static unsigned char frame[FRAME_ROOM];

static void build_syn(struct xrl_address from)
{
	struct frame_spec syn = {
		.protocol = IPPROTO_TCP,
		.tcp_flags = FRAME_SYN,
		.frame_bytes = FRAME_BYTES,
		.source = from,
	};

	frame_build(&syn, frame);
}

static int run(const struct program *program)
{
	return program_run(program, frame, FRAME_BYTES, NULL);
}

static void expect(const struct program *program, __u32 counter, const char *text)
{
	__u32 got = program_run_counter(program, frame, FRAME_BYTES);

	if (!tap_ok(got == counter, "%s: %s", text, counter_name(counter)))
		tap_note("got %s", counter_name(got));
}

static struct xrl_class activate(struct program *program, const char *limit, enum xrl_action mode)
{
	const char *limits[XRL_MAX_LIMITS] = {limit};
	struct xrl_class class = class_from_limits(limits, "1/1h packets", mode);

	program_reset_limits(program, &class);
	program_activate_class(program, &class);
	program_delete_bucket(program, source);
	build_syn(source);
	return class;
}

static void check_permit(struct program *program)
{
	activate(program, "1/1h packets", XRL_DROP);
	expect(program, XRL_passed_within_limits, "the first packet");
	expect(program, XRL_dropped_packets_limit, "the second packet");
	program_permit(program, source, boot_ns() + HOUR_NS);
	expect(program, XRL_passed_permit, "with a permit");
	program_permit(program, source, 0);
	expect(program, XRL_dropped_packets_limit,
	       "the permit is revoked, the window is still open");
	program_permit(program, source, boot_ns() - 1);
	expect(program, XRL_dropped_packets_limit, "an expired permit");
	program_permit(program, source, boot_ns() + HOUR_NS);
	expect(program, XRL_passed_permit, "the permit is renewed");
	program_delete_bucket(program, source);
	expect(program, XRL_passed_permit, "a permit outlives the bucket");
	program_permit(program, source, 0);
	expect(program, XRL_passed_within_limits, "permitted packets cost nothing");
	program_permit(program, (struct xrl_address){{198, 51, 100, 8}}, boot_ns() + HOUR_NS);
	expect(program, XRL_dropped_packets_limit, "the permit of another source");
}

/* The clock is read before and after each packet; a packet is unambiguous if both readings are on
 * the same side of the permit's end. */
static void check_permit_end(struct program *program)
{
	__u64 until_ns, before_ns, after_ns;
	int inside = 0, outside = 0, wrong = 0;

	activate(program, "1/1h packets", XRL_DROP);
	run(program);
	until_ns = boot_ns() + 20000000;
	program_permit(program, source, until_ns);
	do {
		int action;

		before_ns = boot_ns();
		action = run(program);
		after_ns = boot_ns();
		if (after_ns < until_ns) {
			inside++;
			wrong += action != XDP_PASS;
		} else if (before_ns >= until_ns) {
			outside++;
			wrong += action != XDP_DROP;
		}
	} while (before_ns < until_ns + 5000000);
	tap_ok(!wrong && inside && outside, "a permit expires on time, to the nanosecond");
	tap_note("%d packets before it expires, %d after", inside, outside);
	program_permit(program, source, 0);
}

static void check_reload(struct program *program)
{
	struct xrl_class class = activate(program, "2/1h packets", XRL_DROP);

	expect(program, XRL_passed_within_limits, "the first of 2");
	program_activate_class(program, &class);
	expect(program, XRL_passed_within_limits, "the second, after a reload of the same limit");
	program_activate_class(program, &class);
	expect(program, XRL_dropped_packets_limit, "the third, after another reload");
	class.action = XRL_MONITOR;
	program_activate_class(program, &class);
	expect(program, XRL_passed_monitor_packets_limit, "the action changes, the limit does not");
	program_reset_limits(program, &class);
	program_activate_class(program, &class);
	expect(program, XRL_passed_within_limits, "a changed limit starts unused");

	for (int i = 0; i < 7; i++)
		program_activate_class(program, &class);
	expect(program, XRL_passed_within_limits, "the second, after reloads without packets");
	expect(program, XRL_passed_monitor_packets_limit, "the third");
}

static void check_window_end(struct program *program)
{
	__u64 begin_ns, end_ns;

	activate(program, "3/100ms packets", XRL_DROP);
	begin_ns = boot_ns();
	for (int i = 0; i < 3; i++)
		run(program);
	while (run(program) == XDP_DROP && boot_ns() < begin_ns + HOUR_NS / 360)
		;
	end_ns = boot_ns();
	tap_ok(end_ns - begin_ns >= 100000000, "a window of 100 ms does not end early");
	tap_note("took %llu us", (end_ns - begin_ns) / 1000);
	tap_ok(run(program) == XDP_PASS && run(program) == XDP_PASS && run(program) == XDP_DROP,
	       "the next window holds as many");
}

/* One of four limits rejects; the other three charge nothing. */
static void check_all_or_none(struct program *program)
{
	static const char *const orders[4][XRL_MAX_LIMITS] = {
		{"2/1h packets", "9000/1h bytes", "50/1h connections", FAR_PACKETS},
		{"50/1h packets", "120/1h bytes", "50/1h connections", FAR_PACKETS},
		{"50/1h packets", "9000/1h bytes", "2/1h connections", FAR_PACKETS},
		{"50/1h packets", "9000/1h bytes", "50/1h connections", "2/1h packets"},
	};

	for (int i = 0; i < 4; i++) {
		struct xrl_class class = class_from_limits(orders[i], NULL, XRL_DROP);
		struct xrl_bucket bucket = {};
		int rejected = 0;

		program_reset_limits(program, &class);
		program_activate_class(program, &class);
		program_delete_bucket(program, source);
		for (int frames = 0; frames < 10; frames++)
			rejected += run(program) == XDP_DROP;
		program_read_bucket(program, source, &bucket);
		tap_ok(rejected == 8 && bucket.windows[0].used_units == 2 &&
		               bucket.windows[1].used_units == 2 * FRAME_BYTES &&
		               bucket.windows[2].used_units == 2 &&
		               bucket.windows[3].used_units == 2 && !bucket.icmp_errors.used_units,
		       "limit %d of 4 rejects: the rejected packets cost the others nothing",
		       i + 1);
	}
}

static void set_redirects(const struct program *program, __u32 ifindex)
{
	for (__u32 class = 0; class < XRL_COPIES * XRL_MAX_CLASSES; class += XRL_MAX_CLASSES)
		tap_ok(!bpf_map_update_elem(program->redirects, &class, &ifindex, BPF_ANY),
		       "redirect %u is set", class);
}

static void check_readdress(struct program *program)
{
	static const __u8 from[6] = {2, 0xAA, 0xBB, 0xCC, 0xDD, 1};
	static const __u8 to[6] = {2, 0xAA, 0xBB, 0xCC, 0xDD, 2};
	struct xrl_class class = activate(program, "1/1h packets", XRL_REDIRECT);
	unsigned char out[FRAME_ROOM];

	run(program);
	tap_ok(program_run(program, frame, FRAME_BYTES, out) == XDP_REDIRECT &&
	               !memcmp(out, frame, FRAME_BYTES),
	       "a redirected frame is unchanged");
	memcpy(class.redirect_source_mac, from, sizeof(from));
	memcpy(class.redirect_destination_mac, to, sizeof(to));
	class.redirect_readdress = 1;
	program_activate_class(program, &class);
	tap_ok(program_run(program, frame, FRAME_BYTES, out) == XDP_REDIRECT &&
	               !memcmp(out, to, 6) && !memcmp(out + 6, from, 6) &&
	               !memcmp(out + 12, frame + 12, FRAME_BYTES - 12),
	       "redirection with new MAC addresses changes nothing else");
	program_delete_bucket(program, source);
	program_activate_class(program, &class);
	tap_ok(program_run(program, frame, FRAME_BYTES, out) == XDP_PASS &&
	               !memcmp(out, frame, FRAME_BYTES),
	       "a frame within the limits keeps its MAC addresses");
}

/* Runs in a network namespace of this process. */
static void check_redirect(struct program *program)
{
	static const char add[] = "ip link add xrltest0 type veth peer name xrltest1";

	if (!tap_ok(!unshare(CLONE_NEWNET) && !system(add), "can create a veth pair"))
		return;
	activate(program, "1/1h packets", XRL_REDIRECT);
	run(program);
	expect(program, XRL_dropped_redirect_gone, "no interface to redirect to");
	set_redirects(program, if_nametoindex("xrltest0"));
	expect(program, XRL_redirected_packets_limit, "an interface to redirect to");
	check_readdress(program);
	tap_ok(!system("ip link del xrltest0"), "the interface is deleted");
	activate(program, "1/1h packets", XRL_REDIRECT);
	run(program);
	expect(program, XRL_dropped_redirect_gone, "the interface is gone");
}

/* The map has no room for a second source, which passes and is counted. */
static void check_limiter_failure(enum program_entry entry)
{
	struct program_options options = {.entry = entry, .sources = 1, .no_eviction = 1};
	struct program program;

	if (!tap_ok(!program_open(&program, &options), "a program with room for one source loads"))
		return;
	activate(&program, "1/1h packets", XRL_DROP);
	expect(&program, XRL_passed_within_limits, "the one source");
	expect(&program, XRL_dropped_packets_limit, "the one source again");
	build_syn((struct xrl_address){{198, 51, 100, 10}});
	expect(&program, XRL_passed_limiter_failed, "a source without room in the map");
	tap_ok(run(&program) == XDP_PASS, "that packet passes");
	program_close(&program);
}

/* A zeroed policy rejects nothing, and divides nothing by zero. */
static void check_nothing_set(const struct program *program)
{
	build_syn(source);
	tap_ok(run(program) == XDP_PASS && run(program) == XDP_PASS,
	       "without a policy, packets pass");
}

static void check_entry(enum program_entry entry)
{
	struct program_options options = {.entry = entry};
	struct program program;

	if (!tap_ok(!program_open(&program, &options), "%s loads", program_entry_name(entry)))
		return;
	check_nothing_set(&program);
	check_permit(&program);
	check_permit_end(&program);
	check_reload(&program);
	check_window_end(&program);
	check_all_or_none(&program);
	check_redirect(&program);
	program_close(&program);
	check_limiter_failure(entry);
}

int main(void)
{
	for (enum program_entry entry = 0; entry < PROGRAM_ENTRIES; entry++)
		check_entry(entry);
	return tap_done();
}
