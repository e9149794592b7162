/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Core-to-core latency: the time until one CPU sees a store by another. It tells whether the two
 * share a last-level cache. The host of a virtual machine places its CPUs on cores, and may move
 * them at any moment, regardless of pinning in the guest. */

#include <pthread.h>

#include "tests/bench/bench.h"

#define HANDOVERS           10000 /* per CPU */
#define CORE_TO_CORE_PROBES 5

/* Alone in its cache line and the adjacent one, which some processors prefetch. */
struct turn {
	int whose __attribute__((aligned(128)));
};

struct hand {
	pthread_t thread;
	pthread_barrier_t *start;
	struct turn *turn;
	int cpu, self;
	__u64 start_ns, end_ns;
};

static inline void *hand_over(void *arg)
{
	struct hand *hand = arg;

	pin_to_cpu(hand->cpu);
	pthread_barrier_wait(hand->start);
	hand->start_ns = clock_ns(CLOCK_MONOTONIC);
	for (int i = 0; i < HANDOVERS; i++) {
		while (__atomic_load_n(&hand->turn->whose, __ATOMIC_ACQUIRE) != hand->self)
			;
		__atomic_store_n(&hand->turn->whose, !hand->self, __ATOMIC_RELEASE);
	}
	hand->end_ns = clock_ns(CLOCK_MONOTONIC);
	return NULL;
}

/* The mean latency of one direction. */
static inline double handover_ns(int cpu, int other_cpu)
{
	pthread_barrier_t start;
	struct turn turn = {};
	struct hand hands[] = {
		{.start = &start, .turn = &turn, .cpu = cpu, .self = 0},
		{.start = &start, .turn = &turn, .cpu = other_cpu, .self = 1},
	};

	pthread_barrier_init(&start, NULL, 2);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&hands[i].thread, NULL, hand_over, &hands[i]))
			die("starting a thread");
	for (int i = 0; i < 2; i++)
		pthread_join(hands[i].thread, NULL);
	pthread_barrier_destroy(&start);
	return (double)(hands[1].end_ns - hands[0].start_ns) / (2 * HANDOVERS);
}

/* The median of several probes, since other processes may use the CPUs meanwhile. */
static inline double core_to_core_ns(int cpu, int other_cpu)
{
	double probes[CORE_TO_CORE_PROBES];

	for (int i = 0; i < CORE_TO_CORE_PROBES; i++)
		probes[i] = handover_ns(cpu, other_cpu);
	return median(probes, CORE_TO_CORE_PROBES);
}
