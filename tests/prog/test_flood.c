// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* The gate under spoofed floods at full speed: when it engages and disengages, and how it treats
 * offenders and well-behaved clients. Each test loads a program of its own, which knows no source.
 */

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "user/policy/gate.h"
#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/program.h"
#include "tests/prog/lib/policy.h"
#include "tests/prog/lib/spoofed.h"
#include "tests/tap.h"
#include "tests/prog/lib/traffic.h"
#include "tests/units.h"

#define POLL_US      500
#define GIVE_UP_NS   (15 * SECOND_NS)
#define FEW_BUCKETS  1024
#define MANY_BUCKETS 1048576 /* the default */

static struct xrl_flood default_flood(void)
{
	struct xrl_flood flood;

	gate_set_default(&flood);
	return flood;
}

static int begin(struct program *program, __u32 buckets, const struct policy_text *text,
                 const struct xrl_flood *flood)
{
	struct program_options options = {.entry = PROGRAM_FRAGS, .sources = buckets};

	if (program_open(program, &options) || spoofed_open(program)) {
		tap_ok(0, "the programs load");
		return 0;
	}
	spoofed_activate(program, text, flood);
	return 1;
}

static void end(struct program *program)
{
	spoofed_close();
	program_close(program);
}

/* Numbered addresses below the spoofed ones. */
static struct xrl_address address_of(__u32 group, __u32 number)
{
	return (struct xrl_address){{10, group, number >> 8, number}};
}

static int passes(const struct program *program, struct xrl_address source)
{
	unsigned char frame[FRAME_ROOM];
	struct frame_spec spec = {.frame_bytes = SPOOFED_BYTES, .source = source};

	return program_run(program, frame, frame_build(&spec, frame), NULL) == XDP_PASS;
}

static __u32 count_passes(const struct program *program, struct xrl_address source, __u32 packets)
{
	__u32 passed = 0;

	while (packets--)
		passed += passes(program, source);
	return passed;
}

static int is_engaged(const struct program *program)
{
	return __atomic_load_n(&program->flood->engaged_until_jiffies, __ATOMIC_SEQ_CST) != 0;
}

/* ---- engaged or not ---- */

static const struct policy_text simple = {.classes = {{.limits = {"10000/1s packets"}}}};

/* The gate needs a packet to see that time has passed. A thread sends these after the flood, while
 * other tests continue. */
struct end_of_flood {
	struct program program;
	pthread_t thread;
	__u64 ended_ns, took_ns;
};

static void *wait_for_disengage(void *argument)
{
	struct end_of_flood *flood = argument;

	while (is_engaged(&flood->program) && flood->took_ns < GIVE_UP_NS) {
		usleep(20000);
		flood->took_ns = boot_ns() - flood->ended_ns;
		passes(&flood->program, address_of(0, 1));
	}
	return NULL;
}

static int check_engages(struct end_of_flood *end)
{
	struct xrl_flood flood = default_flood();
	struct program *program = &end->program;
	__u32 most;

	if (!begin(program, FEW_BUCKETS, &simple, &flood))
		return 0;
	most = spoofed_flood(program)->engage.max_units;
	passes(program, address_of(0, 1));
	spoofed_run_next(most - 2);
	tap_ok(!is_engaged(program) && !program->flood->engaged_times,
	       "%u new sources at once do not engage the gate", most - 1);
	spoofed_run_next(2 * most); /* one interval gets enough, wherever it ends */
	tap_ok(is_engaged(program), "%u more engage it", 2 * most);
	spoofed_run(1000000);
	tap_ok(program->flood->engaged_times == 1 && program->flood->since_boot_ns,
	       "a million packets engage it once");
	tap_ok(traffic_all_packets(program) == 1000000 + 1 + most - 2 + 2 * most,
	       "every packet is counted");
	tap_note("%llu buckets created", (unsigned long long)program->flood->insertions);
	spoofed_close();
	end->ended_ns = boot_ns();
	return !pthread_create(&end->thread, NULL, wait_for_disengage, end);
}

static void check_disengages(struct end_of_flood *end)
{
	__u64 interval_ns = spoofed_interval_ns(&spoofed_flood(&end->program)->engage);

	pthread_join(end->thread, NULL);
	tap_ok(!is_engaged(&end->program), "the gate disengages after the flood");
	tap_ok(end->took_ns >= 7 * interval_ns, "it stays engaged for at least seven intervals");
	tap_note("%llu ms, in intervals of %llu ms", (unsigned long long)(end->took_ns / MS_NS),
	         (unsigned long long)(interval_ns / MS_NS));
	program_close(&end->program);
}

static void check_modes(void)
{
	struct xrl_flood flood = default_flood();
	struct xrl_counter_pair sum[XRL_COUNTERS];
	struct program program;

	flood.mode = XRL_FLOOD_OFF;
	if (!begin(&program, FEW_BUCKETS, &simple, &flood))
		return;
	spoofed_run(300000);
	tap_ok(!is_engaged(&program) && !program.flood->engaged_times,
	       "off: the gate never engages");
	tap_ok(traffic_packets(&program, XRL_passed_within_limits) == 300000,
	       "off: all new sources pass");
	end(&program);

	flood.mode = XRL_FLOOD_MONITOR;
	flood.newcomers_packets = 1000;
	if (!begin(&program, FEW_BUCKETS, &simple, &flood))
		return;
	spoofed_run(300000);
	program_read_counters(&program, sum);
	tap_ok(is_engaged(&program) && sum[XRL_passed_monitor_newcomers].packets > 100000,
	       "monitor: counts packets that would be rejected");
	tap_ok(!sum[XRL_dropped_newcomers].packets && !sum[XRL_dropped_newcomers_prefix].packets &&
	               sum[XRL_passed_monitor_newcomers].packets +
	                               sum[XRL_passed_monitor_newcomers_prefix].packets +
	                               sum[XRL_passed_within_limits].packets ==
	                       300000,
	       "monitor: rejects nothing");
	end(&program);
}

/* ---- offenders ---- */

struct offense {
	const char *limit;
	__u32 packets;
	__u64 period_ns;
	__u64 flood_packets;
	__u32 at_once;
};

/* The first flood has ten times the packets that would fill the map in each second of an hour, the
 * others fewer. The third offender may send 100 packets per second, and sends more. */
static const struct offense offenses[] = {
	{"10/1h packets", 10, 3600 * SECOND_NS, 10ULL * FEW_BUCKETS * 3600, 1},
	{"10/1d packets", 10, 86400 * SECOND_NS, 6000000, 1},
	{"100/1s packets", 100, SECOND_NS, 6000000, 30},
};

#define EACH       100000  /* flood packets per packet of the known offender */
#define EACH_OTHER 20000   /* flood packets per packet of the new offender */
#define PAUSE      4000000 /* flood packets per pause of the known offender, and between pauses */

struct offenders {
	__u64 old_sent, old_passed, new_sent, new_passed;
	__u64 flood, took_ns;
};

static void send_due(const struct program *program, const struct offense *offense,
                     struct offenders *both)
{
	if (both->flood / EACH > both->old_sent / offense->at_once + 1 &&
	    both->flood / PAUSE % 2 == 0) {
		both->old_passed += count_passes(program, address_of(1, 1), offense->at_once);
		both->old_sent += offense->at_once;
	}
	if (both->flood / EACH_OTHER > both->new_sent) {
		both->new_passed += passes(program, address_of(1, 2));
		both->new_sent++;
	}
}

static struct offenders offend(const struct program *program, const struct offense *offense)
{
	struct offenders both = {};
	__u64 start = traffic_all_packets(program), begin_ns = boot_ns();

	spoofed_start(1);
	while (both.flood < offense->flood_packets && both.took_ns < GIVE_UP_NS) {
		usleep(POLL_US);
		both.flood = traffic_all_packets(program) - start;
		both.took_ns = boot_ns() - begin_ns;
		send_due(program, offense, &both);
	}
	spoofed_stop();
	both.took_ns = boot_ns() - begin_ns;
	return both;
}

static void check_offense(const struct offense *offense)
{
	struct policy_text text = {.classes = {{.limits = {offense->limit}}}};
	struct xrl_flood flood = default_flood();
	struct offenders both;
	struct xrl_bucket bucket;
	struct program program;
	__u64 most;

	if (!begin(&program, FEW_BUCKETS, &text, &flood))
		return;
	tap_ok(count_passes(&program, address_of(1, 1), 2 * offense->packets) == offense->packets,
	       "%s: %u pass before the flood", offense->limit, offense->packets);
	both = offend(&program, offense);
	/* windows that have opened meanwhile */
	most = both.took_ns / offense->period_ns * offense->packets;
	if (offense->period_ns <= SECOND_NS)
		most += offense->packets;
	tap_ok(both.old_sent > offense->flood_packets / PAUSE && both.old_passed <= most,
	       "%s: no more pass during the flood", offense->limit);
	tap_ok(program_read_bucket(&program, address_of(1, 1), &bucket),
	       "%s: the known offender keeps its bucket", offense->limit);
	tap_ok(both.new_passed <= most + offense->packets + offense->packets / 100 &&
	               program_read_bucket(&program, address_of(1, 2), &bucket),
	       "%s: a new offender gets no more, and gets a bucket", offense->limit);
	tap_note("%llu flood packets in %llu ms; %llu of %llu passed from the known offender, "
	         "%llu of %llu from the new one",
	         (unsigned long long)both.flood, (unsigned long long)(both.took_ns / MS_NS),
	         (unsigned long long)both.old_passed, (unsigned long long)both.old_sent,
	         (unsigned long long)both.new_passed, (unsigned long long)both.new_sent);
	end(&program);
}

/* ---- the well-behaved ---- */

enum client { KNOWN, PERMITTED, TRUSTED, NEW, CLIENTS };

static const char *const client_names[CLIENTS] = {"known", "permitted", "trusted", "new"};
static const __u32 client_counts[CLIENTS] = {200, 50, 50, 100};

#define CLIENT_GROUP  20 /* TRUSTED is a CIDR of the policy */
#define CLIENT_GAP_NS (100 * MS_NS)
#define CLIENT_ROUNDS 25

static const struct policy_text with_trusted = {
	.classes = {{.limits = {"1000/1s packets"}}, {.sources = "10.22.0.0/16"}}};

/* Before the flood, and one client at a time, or their arrival rate would engage the gate. */
static void admit_clients(struct program *program)
{
	for (__u32 i = 0; i < client_counts[KNOWN]; i++) {
		passes(program, address_of(CLIENT_GROUP + KNOWN, i));
		program->flood->arrivals = (struct xrl_taken){};
	}
	for (__u32 i = 0; i < client_counts[PERMITTED]; i++)
		program_permit(program, address_of(CLIENT_GROUP + PERMITTED, i), ~0ULL);
}

/* Each client sends ten packets per second during the flood. */
static void send_clients(const struct program *program, __u64 passed[CLIENTS])
{
	__u64 next_ns = boot_ns();

	for (int round = 0; round < CLIENT_ROUNDS; round++) {
		for (int kind = 0; kind < CLIENTS; kind++)
			for (__u32 i = 0; i < client_counts[kind]; i++)
				passed[kind] += passes(program, address_of(CLIENT_GROUP + kind, i));
		next_ns += CLIENT_GAP_NS;
		while (boot_ns() < next_ns)
			usleep(POLL_US);
	}
}

/* The fewer sets the gate has, the sooner a candidate is evicted. With few buckets, hardly any new
 * client is admitted; the note reports how many. */
static void check_clients(__u32 buckets, __u32 least_percent)
{
	struct xrl_flood flood = default_flood();
	__u64 passed[CLIENTS] = {}, sent = 0;
	struct xrl_bucket bucket;
	struct program program;
	__u32 got_in = 0;

	if (!begin(&program, buckets, &with_trusted, &flood))
		return;
	admit_clients(&program);
	spoofed_start(1);
	while (!is_engaged(&program))
		usleep(POLL_US);
	send_clients(&program, passed);
	spoofed_stop();
	for (int kind = 0; kind < NEW; kind++)
		tap_ok(passed[kind] == client_counts[kind] * CLIENT_ROUNDS,
		       "%u buckets: %s clients lose no packet", buckets, client_names[kind]);
	for (__u32 i = 0; i < client_counts[NEW]; i++)
		got_in += program_read_bucket(&program, address_of(CLIENT_GROUP + NEW, i), &bucket);
	sent = client_counts[NEW] * CLIENT_ROUNDS;
	got_in = got_in * 100 / client_counts[NEW];
	tap_ok(got_in >= least_percent && passed[NEW] * 100 / sent >= least_percent / 2,
	       "%u buckets: at least %u %% of new clients are admitted", buckets, least_percent);
	tap_note("%u %% of the new clients have a bucket, %llu %% of their packets passed; %llu "
	         "packets in total",
	         got_in, (unsigned long long)(passed[NEW] * 100 / sent),
	         (unsigned long long)traffic_all_packets(&program));
	end(&program);
}

int main(void)
{
	static struct end_of_flood flood;
	int is_waiting;

	spoofed_prepare();
	is_waiting = check_engages(&flood);
	check_modes();
	check_clients(MANY_BUCKETS, 50);
	check_clients(FEW_BUCKETS, 0);
	for (size_t i = 0; i < sizeof(offenses) / sizeof(offenses[0]); i++)
		check_offense(&offenses[i]);
	if (is_waiting)
		check_disengages(&flood);
	return tap_done();
}
