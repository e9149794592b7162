/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Common to all benchmarks. Each prints lines of "name figure", from which tests/bench/run makes
 * its tables. */

#include <errno.h>
#include <linux/if_ether.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "user/policy/class.h"
#include "user/policy/gate.h"
#include "user/policy/limit.h"
#include "include/bucket.h"
#include "include/program.h"
#include "xdp_ratelimit.skel.h"
#include "baseline.skel.h"
#include "tests/units.h"

#define MAX_ROUNDS 64

/* The shortest frame on the wire. */
#define FRAME_BYTES 60

__attribute__((noreturn)) static inline void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* UDP from 10.0.0.1 to 192.0.2.1. The checksum is 0, since no program verifies it. */
static const unsigned char frame[FRAME_BYTES] = {
	0x02, 0,  0,  0, 0, 1,  0x02, 0, 0, 0,   0, 2, 0x08, 0x00, 0x45, 0, 0,  46, 0,  0, 0,
	0,    64, 17, 0, 0, 10, 0,    0, 1, 192, 0, 2, 1,    0x30, 0x39, 0, 53, 0,  26, 0, 0,
};

#define FIRST_SOURCE 0x0A000001 /* 10.0.0.1 */

static inline __u64 clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static inline void pin_to_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("sched_setaffinity");
}

static inline int compare_figures(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline double median(const double *figures, int count)
{
	double sorted[MAX_ROUNDS];

	memcpy(sorted, figures, count * sizeof(*figures));
	qsort(sorted, count, sizeof(*sorted), compare_figures);
	return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* Seeds each CPU differently, and none with 0. */
static inline void seed_random(struct baseline_bpf *baseline)
{
	size_t cpus = sizeof(baseline->bss->random) / sizeof(baseline->bss->random[0]);

	for (size_t i = 0; i < cpus; i++)
		baseline->bss->random[i].state = (i + 1) * 88172645463325252ULL;
}

static inline struct baseline_bpf *load_baseline(void)
{
	struct baseline_bpf *baseline = baseline_bpf__open_and_load();

	if (!baseline)
		die("loading the baseline programs");
	baseline->bss->first_source = FIRST_SOURCE;
	seed_random(baseline);
	return baseline;
}

static inline struct xdp_ratelimit_bpf *open_limiter(void)
{
	struct xdp_ratelimit_bpf *limiter = xdp_ratelimit_bpf__open();

	if (!limiter)
		die("opening the limiter");
	bpf_program__set_autoload(limiter->progs.xdp_ratelimit_s, false);
	limiter->data_flood->flood.hash_key = 0x9E3779B97F4A7C15ULL;
	/* as the loader sets it while there are no permits */
	limiter->data_meta->meta.may_have_permits = 0;
	return limiter;
}

static inline struct xdp_ratelimit_bpf *load_limiter(void)
{
	struct xdp_ratelimit_bpf *limiter = open_limiter();

	if (xdp_ratelimit_bpf__load(limiter))
		die("loading the limiter");
	return limiter;
}

/* Measures the CPU time of this thread, since other processes run, too. */
static inline double run_ns(int program, const void *packet, __u32 bytes, __u32 packets)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = bytes,
	            .repeat = packets);
	__u64 start_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	if (bpf_prog_test_run_opts(program, &run))
		die("running a program");
	return (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns) / packets;
}

/* Sets the program that the source-drawing programs tail-call. */
static inline void continue_in(struct baseline_bpf *baseline, int program)
{
	__u32 zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(baseline->maps.measured), &zero, &program, BPF_ANY))
		die("choosing the program");
}

/* The inactive copy of the policy, zeroed. */
static inline struct xrl_policy *next_policy(struct xdp_ratelimit_bpf *limiter)
{
	__u32 generation = limiter->data_meta->meta.generation + 1;
	struct xrl_policy *policy = &limiter->data_classes->policies[generation & 1];

	memset(policy, 0, sizeof(*policy));
	policy->permitted_class = XRL_MAX_CLASSES;
	gate_set_default(&policy->flood);
	return policy;
}

/* Sets the gate of the active policy, and disengages it. While it is off, any number of new sources
 * gets buckets at once. */
static inline void set_gate(struct xdp_ratelimit_bpf *limiter, enum xrl_flood_mode mode)
{
	__u32 copy = limiter->data_meta->meta.generation & 1;

	limiter->data_classes->policies[copy].flood.mode = mode;
	limiter->data_flood->flood.engaged_until_jiffies = 0;
}

/* Activates the inactive copy. The gate's budgets follow from its classes, which must be complete.
 */
static inline void commit_policy(struct xdp_ratelimit_bpf *limiter)
{
	__u32 generation = limiter->data_meta->meta.generation + 1;

	gate_derive(&limiter->data_classes->policies[generation & 1],
	            limiter->data_flood->flood.sources);
	limiter->data_meta->meta.abi_version = XRL_ABI_VERSION;
	__atomic_fetch_add(&limiter->data_meta->meta.generation, 1, __ATOMIC_SEQ_CST);
}

/* Activates the default policy with another limit. */
static inline void activate_limit(struct xdp_ratelimit_bpf *limiter, __u64 max_packets,
                                  __u64 period_ns)
{
	struct xrl_class *class = &next_policy(limiter)->classes[0];

	class_set_default(class);
	limit_set(&class->limits[0], max_packets, period_ns, XRL_PACKETS);
	class->limits[0].since_generation = limiter->data_meta->meta.generation + 1;
	class_derive(class);
	commit_policy(limiter);
}
