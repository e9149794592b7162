// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Two CPUs at full speed on one source: exactly N units in every window.
 *
 * The CPUs never pause, so every window is filled but perhaps the last one, and what that
 * one holds can be read. The rest of what passed is a whole number of windows; one unit too
 * many or too few in any of them would show to the end. No window ends early: there were no
 * more of them than the time has room for. */

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frames.h"
#include "loaded.h"
#include "tap.h"

#define CPUS        2
#define WINDOWS     20
#define PERIOD_NS   100000000ULL
#define GIVE_UP_NS  40000000000ULL /* a busy machine needs longer than WINDOWS periods */
#define POLL_US     2000
#define FRAME_BYTES 60
#define HOUR_NS     3600000000000ULL

/* The frame is a SYN of FRAME_BYTES. */
struct scene {
	const char *text;
	const char *limits[XRL_MAX_LIMITS];
	__u32 narrowest; /* the limit that refuses: so many packets it lets through */
	__u64 packets;
	__u64 units; /* of one packet, by that limit */
};

static const struct scene scenes[] = {
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

struct sender {
	const struct loaded *loaded;
	int cpu, error;
	pthread_t thread;
};

#define SOURCE                               \
	{                                    \
		.octets = { 203, 0, 113, 9 } \
	}

static const struct xrl_address source = SOURCE;
static unsigned char frame[FRAME_ROOM];
static int stop;
static struct sender senders[CPUS];
static __u64 sent_before;

/* One run without an end, so that neither CPU leaves a gap in which a window stays half
 * empty: the kernel takes some 20 ms to start one. A signal ends it. */
static void *send_frames(void *argument)
{
	struct sender *sender = argument;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sender->cpu, &one);
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
	while (!sender->error && !__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		sender->error = loaded_run_often(sender->loaded, frame, FRAME_BYTES, INT_MAX, NULL);
		if (sender->error == -EINTR)
			sender->error = 0;
	}
	return NULL;
}

static __u64 packets_of(const struct loaded *loaded, __u32 counter)
{
	struct xrl_counter_pair sum[XRL_COUNTERS];

	loaded_read_counters(loaded, sum);
	return sum[counter].packets;
}

static __u64 all_packets(const struct loaded *loaded)
{
	struct xrl_counter_pair sum[XRL_COUNTERS];
	__u64 packets = 0;

	loaded_read_counters(loaded, sum);
	for (int i = 0; i < XRL_COUNTERS; i++)
		packets += sum[i].packets;
	return packets;
}

static void start_senders(void)
{
	stop = 0;
	sent_before = all_packets(senders[0].loaded);
	for (int i = 0; i < CPUS; i++)
		if (pthread_create(&senders[i].thread, NULL, send_frames, &senders[i]))
			abort();
}

static void interrupt(int signal)
{
	(void)signal;
}

/* Returns how many frames they sent, or 0 after an error. */
static __u64 stop_senders(void)
{
	int error = 0;

	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < CPUS; i++) {
		/* again and again: the first one may come just before a run starts */
		while (pthread_tryjoin_np(senders[i].thread, NULL) == EBUSY) {
			pthread_kill(senders[i].thread, SIGUSR1);
			usleep(POLL_US);
		}
		error |= senders[i].error;
	}
	return error ? 0 : all_packets(senders[0].loaded) - sent_before;
}

static struct xrl_class put_in_force(struct loaded *loaded, const struct scene *scene)
{
	struct xrl_class class = loaded_class(scene->limits, NULL, XRL_DROP);

	loaded_renew(loaded, &class);
	loaded_publish(loaded, &class);
	loaded_forget(loaded, source);
	return class;
}

static __u64 packets_in_last_window(const struct loaded *loaded, const struct scene *scene)
{
	struct xrl_bucket bucket = {};

	loaded_read_bucket(loaded, source, &bucket);
	return bucket.windows[scene->narrowest].used_units / scene->units;
}

static int was_late(__u64 begin_ns)
{
	return loaded_boot_ns() - begin_ns > GIVE_UP_NS;
}

/* With `reload`, while new generations of the same limits are put in force. */
static void check_scene(struct loaded *loaded, const struct scene *scene, int reload)
{
	struct xrl_class class = put_in_force(loaded, scene);
	__u64 before = packets_of(loaded, XRL_passed_within_limits);
	__u64 begin_ns = loaded_boot_ns(), end_ns, passed, last, windows, sent;
	__u32 generation = loaded->meta->generation;

	start_senders();
	do {
		if (reload)
			loaded_publish(loaded, &class);
		usleep(POLL_US);
		passed = packets_of(loaded, XRL_passed_within_limits) - before;
	} while (passed <= WINDOWS * scene->packets && !was_late(begin_ns));
	sent = stop_senders();
	end_ns = loaded_boot_ns();

	passed = packets_of(loaded, XRL_passed_within_limits) - before;
	last = packets_in_last_window(loaded, scene);
	windows = (passed - last) / scene->packets;
	tap_ok(sent && (passed - last) % scene->packets == 0 && last <= scene->packets &&
	               windows >= WINDOWS,
	       "%s%s: exactly %llu pass in every window", scene->text,
	       reload ? ", reloaded all the time" : "", scene->packets);
	tap_ok(windows <= (end_ns - begin_ns) / PERIOD_NS, "%s: no window ends early", scene->text);
	tap_note("%llu of %llu passed in %llu full windows and a last one of %llu, in %llu ms",
	         passed, sent, windows, last, (end_ns - begin_ns) / 1000000);
	if (reload)
		tap_note("%u reloads", loaded->meta->generation - generation);
}

/* A permit that is renewed over and over is never missed by a packet. */
static void check_permits(struct loaded *loaded)
{
	__u64 passed, sent;

	put_in_force(loaded, &scenes[0]);
	loaded_permit(loaded, source, loaded_boot_ns() + HOUR_NS);
	passed = packets_of(loaded, XRL_passed_permit);
	start_senders();
	for (int i = 0; i < 500; i++) {
		loaded_permit(loaded, source, loaded_boot_ns() + HOUR_NS + i);
		usleep(POLL_US / 2);
	}
	sent = stop_senders();
	passed = packets_of(loaded, XRL_passed_permit) - passed;
	if (!tap_ok(sent && passed == sent, "a permit renewed under traffic holds for each packet"))
		tap_note("%llu of %llu", passed, sent);
}

/* Waits for the packets that the CPUs were at, however long they are held up: until nothing
 * has passed for a while. Bounded. Returns what has passed. */
static __u64 settled_packets_of(struct loaded *loaded, enum xrl_counter counter)
{
	__u64 before, now = packets_of(loaded, counter);

	for (int i = 0; i < 100; i++) {
		before = now;
		usleep(10 * POLL_US);
		now = packets_of(loaded, counter);
		if (now == before)
			break;
	}
	return now;
}

/* When this returns from the revocation, no later packet is permitted. */
static void check_revocation(struct loaded *loaded)
{
	int good = 1;

	for (int i = 0; i < 20; i++) {
		__u64 passed, sent;

		put_in_force(loaded, &scenes[0]);
		loaded_permit(loaded, source, loaded_boot_ns() + HOUR_NS);
		start_senders();
		usleep(20 * POLL_US);
		loaded_permit(loaded, source, 0);
		passed = settled_packets_of(loaded, XRL_passed_permit);
		usleep(10 * POLL_US);
		sent = stop_senders();
		good &= sent && passed == packets_of(loaded, XRL_passed_permit);
	}
	tap_ok(good, "a permit revoked under traffic permits nothing more");
}

/* The first two that this process may use; on a machine with one, both senders share it. */
static void choose_cpus(void)
{
	cpu_set_t allowed;
	int found = 0;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE && found < CPUS; cpu++)
		if (CPU_ISSET(cpu, &allowed))
			senders[found++].cpu = cpu;
	for (; found < CPUS; found++)
		senders[found].cpu = senders[0].cpu;
}

static void prepare_senders(struct loaded *loaded)
{
	struct sigaction action = {.sa_handler = interrupt};

	sigaction(SIGUSR1, &action, NULL);
	put_in_force(loaded, &scenes[0]);
	choose_cpus();
	for (int i = 0; i < CPUS; i++)
		senders[i].loaded = loaded;
	tap_note("CPUs %d and %d", senders[0].cpu, senders[1].cpu);
}

int main(void)
{
	static const struct shape syn = {
		.protocol = IPPROTO_TCP,
		.tcp_flags = FRAME_SYN,
		.frame_bytes = FRAME_BYTES,
		.source = SOURCE,
	};
	struct loaded_options options = {.entry = LOADED_FRAGS};
	struct loaded loaded;

	if (loaded_open(&loaded, &options))
		return tap_give_up("the program doesn't load");
	frame_build(&syn, frame);
	prepare_senders(&loaded);
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		check_scene(&loaded, &scenes[i], 0);
	check_scene(&loaded, &scenes[0], 1);
	check_permits(&loaded);
	check_revocation(&loaded);
	loaded_close(&loaded);
	return tap_done();
}
