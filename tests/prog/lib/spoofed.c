// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tests/prog/lib/spoofed.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "baseline.skel.h"
#include "user/policy/gate.h"

#define POLL_US 2000

struct flood {
	struct baseline_bpf *programs;
	pthread_t thread;
	int cpu; /* -1: any */
};

static struct flood floods[SPOOFED_FLOODS];
static int running, stop;
static __u32 frame_bytes;
static unsigned char frame[FRAME_ROOM];

static void interrupt(int signal)
{
	(void)signal;
}

/* The last CPUs, since the tests' own traffic runs on the first. */
void spoofed_prepare(void)
{
	struct sigaction action = {.sa_handler = interrupt};
	struct frame_spec spec = {.frame_bytes = SPOOFED_BYTES};
	cpu_set_t allowed;
	int found = 0;

	sigaction(SIGUSR1, &action, NULL);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	for (int i = 0; i < SPOOFED_FLOODS; i++)
		floods[i].cpu = -1;
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0 && found < SPOOFED_FLOODS; cpu--)
		if (CPU_ISSET(cpu, &allowed))
			floods[found++].cpu = cpu;
	frame_bytes = frame_build(&spec, frame);
}

int spoofed_open(const struct program *program)
{
	for (int i = 0; i < SPOOFED_FLOODS; i++) {
		struct baseline_bpf *programs = baseline_bpf__open();

		floods[i].programs = programs;
		if (!programs)
			return -errno;
		bpf_map__set_max_entries(programs->maps.sources, 1024);
		if (baseline_bpf__load(programs))
			return -errno;
		for (size_t cpu = 0;
		     cpu < sizeof(programs->bss->random) / sizeof(programs->bss->random[0]); cpu++)
			programs->bss->random[cpu].state =
				88172645463325252ULL + (cpu + 64 * i) * 0x9E3779B97F4A7C15ULL;
		if (bpf_map_update_elem(bpf_map__fd(programs->maps.measured), &(__u32){0},
		                        &program->fd, BPF_ANY))
			return -errno;
	}
	spoofed_set_sources(SPOOFED_FIRST, SPOOFED_COUNT);
	return 0;
}

void spoofed_close(void)
{
	for (int i = 0; i < SPOOFED_FLOODS; i++) {
		baseline_bpf__destroy(floods[i].programs);
		floods[i].programs = NULL;
	}
}

void spoofed_set_sources(__u32 first_source, __u64 count)
{
	for (int i = 0; i < SPOOFED_FLOODS; i++) {
		floods[i].programs->bss->first_source = first_source;
		floods[i].programs->data->source_count = count;
		floods[i].programs->bss->sources_drawn = 0;
	}
}

static int run(const struct bpf_program *program, __u32 packets)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = frame_bytes,
	            .repeat = packets);

	return bpf_prog_test_run_opts(bpf_program__fd(program), &run);
}

static void must_run(const struct bpf_program *program, __u32 packets)
{
	if (!run(program, packets))
		return;
	printf("Bail out! cannot run the flood\n");
	exit(1);
}

void spoofed_run_next(__u32 packets)
{
	must_run(floods[0].programs->progs.from_next_source, packets);
}

void spoofed_run(__u32 packets)
{
	must_run(floods[0].programs->progs.from_random_source, packets);
}

static void *flood(void *argument)
{
	struct flood *self = argument;
	cpu_set_t one;
	int error = 0;

	CPU_ZERO(&one);
	if (self->cpu >= 0) {
		CPU_SET(self->cpu, &one);
		pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
	}
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE) && (!error || error == -EINTR))
		error = run(self->programs->progs.from_random_source, INT_MAX);
	return NULL;
}

void spoofed_start(int count)
{
	stop = 0;
	for (running = 0; running < count; running++)
		if (pthread_create(&floods[running].thread, NULL, flood, &floods[running]))
			abort();
}

/* A signal ends a run. It is repeated, since it may arrive just before a run starts. */
void spoofed_stop(void)
{
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < running; i++)
		while (pthread_tryjoin_np(floods[i].thread, NULL) == EBUSY) {
			pthread_kill(floods[i].thread, SIGUSR1);
			usleep(POLL_US);
		}
	running = 0;
}

/* Names the classes, since the gate ignores a class without a name. */
void spoofed_activate(struct program *program, const struct policy_text *text,
                      const struct xrl_flood *flood)
{
	struct xrl_policy *policy;

	program_activate(program, text);
	policy = program_edit_policy(program);
	for (int i = 0; i < POLICY_TEXT_CLASSES; i++)
		snprintf(policy->classes[i].name, sizeof(policy->classes[i].name), "class-%d", i);
	policy->flood = *flood;
	gate_derive(policy, program->flood->sources);
	program_commit(program);
}

void spoofed_engage(const struct program *program)
{
	__atomic_store_n(&program->flood->engaged_until_jiffies, 1ULL << 62, __ATOMIC_SEQ_CST);
}

__u64 spoofed_interval_ns(const struct xrl_share *budget)
{
	struct timespec tick;

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	return (__u64)tick.tv_nsec << budget->shift;
}

const struct xrl_flood *spoofed_flood(const struct program *program)
{
	return &program->policies[program->meta->generation & 1].flood;
}
