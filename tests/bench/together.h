/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Runs a program on several CPUs at once. */

#include <pthread.h>

#include "tests/bench/bench.h"

#define MAX_CPUS 2

struct runner {
	pthread_t thread;
	pthread_barrier_t *start;
	int program, cpu;
	__u32 packets;
	unsigned char frame[FRAME_BYTES];
	double ns;
};

static inline void *run_on_cpu(void *arg)
{
	struct runner *runner = arg;

	pin_to_cpu(runner->cpu);
	pthread_barrier_wait(runner->start);
	runner->ns = run_ns(runner->program, runner->frame, sizeof(runner->frame), runner->packets);
	return NULL;
}

/* The last octet of the source is the CPU's number if `apart`, and the same for all otherwise. */
static inline void set_frame(struct runner *runner, int apart)
{
	memcpy(runner->frame, frame, sizeof(frame));
	runner->frame[29] += apart ? runner->cpu : 0;
}

/* The average time per packet of each CPU while all run. */
static inline double run_together_ns(int program, int cpus, __u32 packets, int apart)
{
	struct runner runners[MAX_CPUS];
	pthread_barrier_t start;
	double ns = 0;

	pthread_barrier_init(&start, NULL, cpus);
	for (int i = 0; i < cpus; i++) {
		runners[i] = (struct runner){
			.start = &start, .program = program, .cpu = i, .packets = packets};
		set_frame(&runners[i], apart);
		if (pthread_create(&runners[i].thread, NULL, run_on_cpu, &runners[i]))
			die("starting a thread");
	}
	for (int i = 0; i < cpus; i++) {
		pthread_join(runners[i].thread, NULL);
		ns += runners[i].ns;
	}
	pthread_barrier_destroy(&start);
	return ns / cpus;
}
