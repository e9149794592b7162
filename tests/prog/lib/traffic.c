// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tests/prog/lib/traffic.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/tap.h"

struct sender {
	const struct program *program;
	int cpu, error;
	__u32 round_frames; /* 0: one endless run */
	__u64 sent;         /* in whole rounds */
	__u32 frame_bytes;
	unsigned char frame[FRAME_ROOM];
	pthread_t thread;
};

static struct sender senders[TRAFFIC_CPUS];
static int stop;
static __u64 sent_before;

static void send_round(struct sender *sender)
{
	__u32 frames = sender->round_frames ? sender->round_frames : INT_MAX;

	sender->error = program_run_repeated(sender->program, sender->frame, sender->frame_bytes,
	                                     frames, NULL);
	if (!sender->error)
		sender->sent += frames;
	else if (sender->error == -EINTR && !sender->round_frames)
		sender->error = 0;
}

static void *send_frames(void *argument)
{
	struct sender *sender = argument;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sender->cpu, &one);
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
	while (!sender->error && !__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		send_round(sender);
	return NULL;
}

struct xrl_counter_pair traffic_count(const struct program *program, __u32 counter)
{
	struct xrl_counter_pair sum[XRL_COUNTERS];

	program_read_counters(program, sum);
	return sum[counter];
}

__u64 traffic_packets(const struct program *program, __u32 counter)
{
	return traffic_count(program, counter).packets;
}

__u64 traffic_all_packets(const struct program *program)
{
	struct xrl_counter_pair sum[XRL_COUNTERS];
	__u64 packets = 0;

	program_read_counters(program, sum);
	for (int i = 0; i < XRL_COUNTERS; i++)
		packets += sum[i].packets;
	return packets;
}

void traffic_start_rounds(__u32 frames)
{
	stop = 0;
	sent_before = traffic_all_packets(senders[0].program);
	for (int i = 0; i < TRAFFIC_CPUS; i++) {
		senders[i].round_frames = frames;
		senders[i].sent = 0;
		if (pthread_create(&senders[i].thread, NULL, send_frames, &senders[i]))
			abort();
	}
}

/* One endless run, ended by a signal. The kernel takes some 20 ms to start a run, and in such a gap
 * a window could stay half empty. */
void traffic_start(void)
{
	traffic_start_rounds(0);
}

static int join_senders(int interrupts)
{
	int error = 0;

	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < TRAFFIC_CPUS; i++) {
		/* repeated, since a signal may arrive just before a run starts */
		while (pthread_tryjoin_np(senders[i].thread, NULL) == EBUSY) {
			if (interrupts)
				pthread_kill(senders[i].thread, SIGUSR1);
			usleep(TRAFFIC_POLL_US);
		}
		error |= senders[i].error;
	}
	return error;
}

__u64 traffic_stop(void)
{
	return join_senders(1) ? 0 : traffic_all_packets(senders[0].program) - sent_before;
}

__u64 traffic_stop_rounds(void)
{
	__u64 sent = 0;

	if (join_senders(0))
		return 0;
	for (int i = 0; i < TRAFFIC_CPUS; i++)
		sent += senders[i].sent;
	return sent;
}

static void interrupt(int signal)
{
	(void)signal;
}

static void choose_cpus(void)
{
	cpu_set_t allowed;
	int found = 0;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE && found < TRAFFIC_CPUS; cpu++)
		if (CPU_ISSET(cpu, &allowed))
			senders[found++].cpu = cpu;
	for (; found < TRAFFIC_CPUS; found++)
		senders[found].cpu = senders[0].cpu;
}

void traffic_prepare(const struct program *program)
{
	struct sigaction action = {.sa_handler = interrupt};

	sigaction(SIGUSR1, &action, NULL);
	choose_cpus();
	for (int i = 0; i < TRAFFIC_CPUS; i++)
		senders[i].program = program;
	tap_note("CPUs %d and %d", senders[0].cpu, senders[1].cpu);
}

void traffic_set(int sender, const struct frame_spec *spec)
{
	senders[sender].frame_bytes = frame_build(spec, senders[sender].frame);
}
