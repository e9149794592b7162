// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Two CPUs at full speed send from one source: exactly N units pass in every window.
 *
 * The CPUs never pause, so every window except the last one fills up, and the usage of the last one
 * can be read. The rest of what passed must be a whole number of windows; one unit too many or too
 * few in any of them shows in the sum. No window ends early, since there are no more windows than
 * fit into the elapsed time. */

#include <netinet/in.h>
#include <unistd.h>

#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/program.h"
#include "tests/prog/lib/policy.h"
#include "tests/tap.h"
#include "tests/prog/lib/traffic.h"
#include "tests/units.h"

#define WINDOWS         20
#define PERIOD_NS       100000000ULL
#define GIVE_UP_NS      40000000000ULL /* a busy machine needs longer than WINDOWS periods */
#define FRAME_BYTES     60
#define TOKEN_US        1500000
#define SLIDING_WINDOWS 10

/* The frame is a SYN of FRAME_BYTES. */
struct scenario {
	const char *text;
	const char *limits[XRL_MAX_LIMITS];
	__u32 narrowest; /* index of the limit that rejects */
	__u64 packets;   /* that it passes in a window */
	__u64 units;     /* cost of one packet to that limit */
};

static const struct scenario scenarios[] = {
	{"1000 packets", {"1000/100ms packets"}, 0, 1000, 1},
	{"10000 packets", {"10000/100ms packets"}, 0, 10000, 1},
	{"1 packet", {"1/100ms packets"}, 0, 1, 1},
	{"60059 bytes", {"60059/100ms bytes"}, 0, 1000, FRAME_BYTES},
	{"1000 connections", {"1000/100ms connections"}, 0, 1000, 1},
	{"four limits, the last the narrowest",
         {"1000/100ms packets", "90000/100ms bytes", "1001/100ms connections", "999/100ms packets"},
         3,
         999,
         1},
	{"four limits, bytes the narrowest",
         {"1000/100ms packets", "1000000/1h connections", "59999/100ms bytes",
          "1000000/1h packets"},
         2,
         999,
         FRAME_BYTES},
};

#define SOURCE                               \
	{                                    \
		.octets = { 203, 0, 113, 9 } \
	}

static const struct xrl_address source = SOURCE;

static struct xrl_class activate(struct program *program, const struct scenario *scenario)
{
	struct xrl_class class = class_from_limits(scenario->limits, NULL, XRL_DROP);

	program_reset_limits(program, &class);
	program_activate_class(program, &class);
	program_delete_bucket(program, source);
	return class;
}

static __u64 packets_in_last_window(const struct program *program, const struct scenario *scenario)
{
	struct xrl_bucket bucket = {};

	program_read_bucket(program, source, &bucket);
	return bucket.windows[scenario->narrowest].used_units / scenario->units;
}

static int was_late(__u64 begin_ns)
{
	return boot_ns() - begin_ns > GIVE_UP_NS;
}

/* With `reload`, new generations of the same limits are activated meanwhile. */
static void check_scenario(struct program *program, const struct scenario *scenario, int reload)
{
	struct xrl_class class = activate(program, scenario);
	__u64 before = traffic_packets(program, XRL_passed_within_limits);
	__u64 begin_ns = boot_ns(), end_ns, passed, last, windows, sent;
	__u32 generation = program->meta->generation;

	traffic_start();
	do {
		if (reload)
			program_activate_class(program, &class);
		usleep(TRAFFIC_POLL_US);
		passed = traffic_packets(program, XRL_passed_within_limits) - before;
	} while (passed <= WINDOWS * scenario->packets && !was_late(begin_ns));
	sent = traffic_stop();
	end_ns = boot_ns();

	passed = traffic_packets(program, XRL_passed_within_limits) - before;
	last = packets_in_last_window(program, scenario);
	windows = (passed - last) / scenario->packets;
	tap_ok(sent && (passed - last) % scenario->packets == 0 && last <= scenario->packets &&
	               windows >= WINDOWS,
	       "%s%s: exactly %llu pass in every window", scenario->text,
	       reload ? ", during reloads" : "", scenario->packets);
	tap_ok(windows <= (end_ns - begin_ns) / PERIOD_NS, "%s: no window ends early",
	       scenario->text);
	tap_note("%llu of %llu passed in %llu full windows and a last one of %llu, in %llu ms",
	         passed, sent, windows, last, (end_ns - begin_ns) / 1000000);
	if (reload)
		tap_note("%u reloads", program->meta->generation - generation);
}

static void activate_limit(struct program *program, const char *limit)
{
	struct policy_text text = {.classes = {{.limits = {limit}}}};

	program_activate(program, &text);
	program_delete_bucket(program, source);
}

/* Waits until a packet passes; returns the time after it. */
static __u64 first_passed_ns(const struct program *program, __u64 before)
{
	while (traffic_packets(program, XRL_passed_within_limits) == before)
		usleep(TRAFFIC_POLL_US / 10);
	return boot_ns();
}

/* A token bucket passes `burst` packets and `rate` per second more between the first packet and the
 * last. `slack` allows for the time at the end when no CPU sent. */
static void check_token(struct program *program, const char *limit, __u64 burst, __u64 rate,
                        __u64 slack)
{
	__u64 before = traffic_packets(program, XRL_passed_within_limits);
	__u64 earliest_ns = boot_ns(), first_ns, last_ns, latest_ns, passed, least, most;

	activate_limit(program, limit);
	traffic_start();
	first_ns = first_passed_ns(program, before);
	usleep(TOKEN_US);
	last_ns = boot_ns();
	traffic_stop();
	latest_ns = boot_ns();

	passed = traffic_packets(program, XRL_passed_within_limits) - before;
	most = burst + rate * (latest_ns - earliest_ns) / SECOND_NS;
	least = burst + rate * (last_ns - first_ns) / SECOND_NS - slack;
	tap_ok(passed <= most, "%s: no more pass than burst and refill", limit);
	tap_ok(passed >= least, "%s: no fewer pass", limit);
	tap_note("%llu passed, %llu to %llu expected", passed, least, most);
}

/* A sliding window of N. In the first period, N may pass; afterwards, N per completed period and a
 * proportional share of the current one. */
static void check_sliding(struct program *program, const char *limit, __u64 units, __u64 period_ns)
{
	__u64 before = traffic_packets(program, XRL_passed_within_limits);
	__u64 window, first_window, last_window, now_ns, passed;
	int too_many = 0, polls = 0;

	activate_limit(program, limit);
	window = boot_ns() / period_ns;
	traffic_start();
	do {
		/* the window before the first packet passed: that packet may precede the next
		 * reading of the clock */
		first_window = window;
		window = boot_ns() / period_ns;
	} while (traffic_packets(program, XRL_passed_within_limits) == before);
	last_window = boot_ns() / period_ns + SLIDING_WINDOWS;
	do {
		passed = traffic_packets(program, XRL_passed_within_limits) - before;
		now_ns = boot_ns();
		too_many += passed > units &&
		            passed * period_ns > units * (now_ns - first_window * period_ns);
		polls++;
		usleep(TRAFFIC_POLL_US);
	} while (now_ns / period_ns < last_window);
	traffic_stop();
	tap_ok(!too_many, "%s: no more pass than in proportion to the time", limit);
	tap_ok(passed * 10 >= units * SLIDING_WINDOWS * 9, "%s: no fewer pass", limit);
	tap_note("%llu passed in %llu windows, polled %d times", passed,
	         now_ns / period_ns - first_window, polls);
}

/* No packet misses a permit that is being renewed. */
static void check_permits(struct program *program)
{
	__u64 passed, sent;

	activate(program, &scenarios[0]);
	program_permit(program, source, boot_ns() + HOUR_NS);
	passed = traffic_packets(program, XRL_passed_permit);
	traffic_start();
	for (int i = 0; i < 500; i++) {
		program_permit(program, source, boot_ns() + HOUR_NS + i);
		usleep(TRAFFIC_POLL_US / 2);
	}
	sent = traffic_stop();
	passed = traffic_packets(program, XRL_passed_permit) - passed;
	if (!tap_ok(sent && passed == sent,
	            "a permit renewed under traffic applies to every packet"))
		tap_note("%llu of %llu", passed, sent);
}

/* Waits for the packets in progress, which may be delayed: until the counter has not moved for a
 * while, or the attempts are used up. Returns the count. */
static __u64 final_packets_of(struct program *program, enum xrl_counter counter)
{
	__u64 before, now = traffic_packets(program, counter);

	for (int i = 0; i < 100; i++) {
		before = now;
		usleep(10 * TRAFFIC_POLL_US);
		now = traffic_packets(program, counter);
		if (now == before)
			break;
	}
	return now;
}

/* Once the revocation returns, no later packet is permitted. */
static void check_revocation(struct program *program)
{
	int good = 1;

	for (int i = 0; i < 20; i++) {
		__u64 passed, sent;

		activate(program, &scenarios[0]);
		program_permit(program, source, boot_ns() + HOUR_NS);
		traffic_start();
		usleep(20 * TRAFFIC_POLL_US);
		program_permit(program, source, 0);
		passed = final_packets_of(program, XRL_passed_permit);
		usleep(10 * TRAFFIC_POLL_US);
		sent = traffic_stop();
		good &= sent && passed == traffic_packets(program, XRL_passed_permit);
	}
	tap_ok(good, "a permit revoked under traffic permits no later packet");
}

int main(void)
{
	static const struct frame_spec syn = {
		.protocol = IPPROTO_TCP,
		.tcp_flags = FRAME_SYN,
		.frame_bytes = FRAME_BYTES,
		.source = SOURCE,
	};
	struct program_options options = {.entry = PROGRAM_FRAGS};
	struct program program;

	if (program_open(&program, &options))
		return tap_give_up("cannot load the program");
	activate(&program, &scenarios[0]);
	traffic_prepare(&program);
	for (int i = 0; i < TRAFFIC_CPUS; i++)
		traffic_set(i, &syn);
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		check_scenario(&program, &scenarios[i], 0);
	check_scenario(&program, &scenarios[0], 1);
	check_token(&program, "1000/1s packets token burst 400", 400, 1000, 100);
	check_token(&program, "20000/1s packets token burst 20000", 20000, 20000, 2000);
	check_sliding(&program, "1000/200ms packets sliding", 1000, 200000000);
	check_permits(&program);
	check_revocation(&program);
	program_close(&program);
	return tap_done();
}
