// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How the cost of a packet grows with the number of sources, CPUs, CIDRs and permits: the time
 * beyond a program that does nothing, for the limiter and for a bare lookup. */
#include <unistd.h>

#include "user/policy/policy.h"
#include "user/datapath/gate.h"
#include "tests/bench/together.h"
#include "include/permit.h"

#define NEVER_REACHED LIMIT_MAX_UNITS
#define BUCKETS       1048576
#define MORE_BUCKETS  4194304
#define MAX_PERMITS   131072
#define SPOOFED       (1ULL << 32)
#define KNOWN         65536

enum program { EMPTY, BARE, LIMITER, PROGRAMS };

struct bench {
	struct baseline_bpf *baseline;
	struct xdp_ratelimit_bpf *limiter;
	int programs[PROGRAMS];
	int is_full; /* all buckets are taken */
};

/* One measurement, named growth_WHAT_NUMBER. */
struct point {
	const char *what;
	__u64 number;
	__u64 sources;
	__u32 cidrs, permits;
	int cpus;
	int apart; /* each CPU has a source of its own */
};

/* Floods come last. They reuse every entry of a map several times, after which known sources would
 * be scattered over memory, and differently in the two maps. */
static const struct point points[] = {
	{"sources", 1, 1, 0, 0, 1, 0},
	{"sources", 1000, 1000, 0, 0, 1, 0},
	{"sources", 65536, 65536, 0, 0, 1, 0},
	{"sources", 1000000, 1000000, 0, 0, 1, 0},
	{"cpus_same", 1, 1, 0, 0, 1, 0},
	{"cpus_same", 2, 1, 0, 0, 2, 0},
	{"cpus_apart", 1, 1, 0, 0, 1, 1},
	{"cpus_apart", 2, 1, 0, 0, 2, 1},
	{"cpus_known", 1, KNOWN, 0, 0, 1, 0},
	{"cpus_known", 2, KNOWN, 0, 0, 2, 0},
	{"cidrs_known", 0, KNOWN, 0, 0, 1, 0},
	{"cidrs_known", 100, KNOWN, 100, 0, 1, 0},
	{"cidrs_known", 10000, KNOWN, 10000, 0, 1, 0},
	{"cidrs_known", 65536, KNOWN, 65536, 0, 1, 0},
	{"permits_known", 0, KNOWN, 0, 0, 1, 0},
	{"permits_known", 1000, KNOWN, 0, 1000, 1, 0},
	{"permits_known", 100000, KNOWN, 0, 100000, 1, 0},
	{"sources", SPOOFED, SPOOFED, 0, 0, 1, 0},
	{"cpus_spoofed", 1, SPOOFED, 0, 0, 1, 0},
	{"cpus_spoofed", 2, SPOOFED, 0, 0, 2, 0},
	{"cidrs_spoofed", 0, SPOOFED, 0, 0, 1, 0},
	{"cidrs_spoofed", 100, SPOOFED, 100, 0, 1, 0},
	{"cidrs_spoofed", 10000, SPOOFED, 10000, 0, 1, 0},
	{"cidrs_spoofed", 65536, SPOOFED, 65536, 0, 1, 0},
	{"permits_spoofed", 0, SPOOFED, 0, 0, 1, 0},
	{"permits_spoofed", 1000, SPOOFED, 0, 1000, 1, 0},
	{"permits_spoofed", 100000, SPOOFED, 0, 100000, 1, 0},
};

static const struct point most_sources = {"sources", 4000000, 4000000, 0, 0, 1, 0};

struct effort {
	int rounds;
	__u32 packets;
};

static const struct effort full_effort = {5, 1000000}, quick_effort = {3, 400000};

/* Spread over all addresses, so that as many /16s as possible contain one. */
static struct xrl_cidr cidr_at(__u32 number, __u32 count)
{
	__u32 network = (__u64)number * 65536 / count;

	return (struct xrl_cidr){.prefix_bits = 24,
	                         .address = {{network >> 8, network, number, 0}}};
}

static int make_tree(struct xrl_policy *policy, __u32 count)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	int tree = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "cidrs", sizeof(struct xrl_cidr),
	                          sizeof(__u32), count, &options);
	__u32 class_number = 0;

	for (__u32 i = 0; i < count; i++) {
		struct xrl_cidr cidr = cidr_at(i, count);

		if (bpf_map_update_elem(tree, &cidr, &class_number, BPF_ANY))
			die("filling in the CIDRs");
		policy_mark_cidr(policy, &cidr);
	}
	return tree;
}

static void set_cidrs(struct bench *bench, struct xrl_policy *policy, __u32 count)
{
	__u32 copy = (bench->limiter->data_meta->meta.generation + 1) & 1;
	int cidrs = bpf_map__fd(bench->limiter->maps.cidrs), tree;

	bpf_map_delete_elem(cidrs, &copy);
	if (!count)
		return;
	tree = make_tree(policy, count);
	if (bpf_map_update_elem(cidrs, &copy, &tree, BPF_ANY))
		die("setting the CIDRs");
	close(tree);
}

/* Permits for addresses from 203.0.0.0 on, none of which is a source. */
static void set_permits(struct bench *bench, __u32 count)
{
	struct xrl_flood_state *flood = &bench->limiter->data_flood->flood;
	int permits = bpf_map__fd(bench->limiter->maps.permits);
	const struct xrl_permit permit = {.until_boot_ns = ~0ULL};

	/* as the loader does */
	bench->limiter->data_meta->meta.may_have_permits = count != 0;
	memset(flood->permits, 0, sizeof(flood->permits));
	for (__u32 i = 0; i < MAX_PERMITS; i++) {
		struct xrl_address address = {{203, i >> 16, i >> 8, i}};

		if (i < count)
			gate_add_permit(flood, &address);
		if (i >= count)
			bpf_map_delete_elem(permits, &address);
		else if (bpf_map_update_elem(permits, &address, &permit, BPF_ANY))
			die("filling in the permits");
	}
}

static void activate(struct bench *bench, const struct point *point)
{
	struct xrl_policy *policy = next_policy(bench->limiter);
	struct xrl_class *class = &policy->classes[0];

	class_set_default(class);
	limit_set(&class->limits[0], NEVER_REACHED, SECOND_NS, XRL_PACKETS);
	class->limits[0].since_generation = bench->limiter->data_meta->meta.generation + 1;
	class_derive(class);
	set_cidrs(bench, policy, point->cidrs);
	set_permits(bench, point->permits);
	commit_policy(bench->limiter);
}

static double measure(struct bench *bench, const struct point *point, int program, __u32 packets)
{
	int from_random = bpf_program__fd(bench->baseline->progs.from_random_source);

	if (point->sources == 1)
		return run_together_ns(bench->programs[program], point->cpus, packets,
		                       point->apart);
	continue_in(bench->baseline, bench->programs[program]);
	return run_together_ns(from_random, point->cpus, packets, 0);
}

/* Sends from each source once, or, for a flood, until the buckets are full, with the gate off. */
static void warm_up(struct bench *bench, const struct point *point)
{
	__u32 sources = point->sources == SPOOFED ? 2 * BUCKETS : point->sources;

	if (point->sources == SPOOFED && bench->is_full)
		return;
	bench->is_full |= point->sources == SPOOFED;
	for (int program = BARE; program < PROGRAMS; program++) {
		bench->baseline->bss->sources_drawn = 0;
		continue_in(bench->baseline, bench->programs[program]);
		run_ns(bpf_program__fd(bench->baseline->progs.from_next_source), frame,
		       sizeof(frame), sources);
	}
}

static void report(const struct point *point, double ns[PROGRAMS][MAX_ROUNDS], int rounds)
{
	double above[PROGRAMS][MAX_ROUNDS], ratios[MAX_ROUNDS];

	for (int i = 0; i < rounds; i++) {
		for (int program = 0; program < PROGRAMS; program++)
			above[program][i] = ns[program][i] - ns[EMPTY][i];
		ratios[i] = above[LIMITER][i] / above[BARE][i];
	}
	printf("growth_%s_%llu_ns %.1f\n", point->what, point->number,
	       median(above[LIMITER], rounds));
	printf("growth_%s_%llu_bare_ns %.1f\n", point->what, point->number,
	       median(above[BARE], rounds));
	printf("growth_%s_%llu_ratio %.3f\n", point->what, point->number, median(ratios, rounds));
	fflush(stdout);
}

/* The programs take turns within a round, so that a disturbance affects all of them. */
static void measure_rounds(struct bench *bench, const struct point *point,
                           const struct effort *effort)
{
	static double ns[PROGRAMS][MAX_ROUNDS];

	if (point->cpus > sysconf(_SC_NPROCESSORS_ONLN))
		return;
	activate(bench, point);
	bench->baseline->data->source_count = point->sources;
	set_gate(bench->limiter, XRL_FLOOD_OFF);
	warm_up(bench, point);
	set_gate(bench->limiter, XRL_FLOOD_ON);
	for (int program = 0; program < PROGRAMS; program++)
		measure(bench, point, program, effort->packets / 4);
	for (int round = 0; round < effort->rounds; round++)
		for (int program = 0; program < PROGRAMS; program++)
			ns[program][round] = measure(bench, point, program, effort->packets);
	report(point, ns, effort->rounds);
}

static struct baseline_bpf *load_baseline_of(__u32 buckets)
{
	struct baseline_bpf *baseline = baseline_bpf__open();

	if (!baseline)
		die("opening the baseline programs");
	bpf_map__set_max_entries(baseline->maps.sources, buckets);
	if (baseline_bpf__load(baseline)) {
		baseline_bpf__destroy(baseline);
		return NULL;
	}
	baseline->bss->first_source = FIRST_SOURCE;
	seed_random(baseline);
	return baseline;
}

static struct xdp_ratelimit_bpf *load_limiter_of(__u32 buckets)
{
	struct xdp_ratelimit_bpf *limiter = open_limiter();
	struct xrl_flood_state *flood = &limiter->data_flood->flood;

	bpf_map__set_max_entries(limiter->maps.buckets, buckets);
	bpf_map__set_max_entries(limiter->maps.permits, MAX_PERMITS);
	bpf_map__set_max_entries(limiter->maps.gate, gate_sets(buckets));
	flood->sources = buckets;
	flood->lines = gate_sets(buckets);
	if (!xdp_ratelimit_bpf__load(limiter))
		return limiter;
	xdp_ratelimit_bpf__destroy(limiter);
	return NULL;
}

/* Returns 0 if the kernel lacks memory. */
static int load(struct bench *bench, __u32 buckets)
{
	*bench = (struct bench){.baseline = load_baseline_of(buckets),
	                        .limiter = load_limiter_of(buckets)};
	if (!bench->baseline || !bench->limiter)
		return 0;
	bench->programs[EMPTY] = bpf_program__fd(bench->baseline->progs.empty_pass);
	bench->programs[BARE] = bpf_program__fd(bench->baseline->progs.bare_lookup);
	bench->programs[LIMITER] = bpf_program__fd(bench->limiter->progs.xdp_ratelimit);
	return 1;
}

static void unload(struct bench *bench)
{
	xdp_ratelimit_bpf__destroy(bench->limiter);
	baseline_bpf__destroy(bench->baseline);
}

static void measure_points(const struct point *first, size_t count, __u32 buckets,
                           const struct effort *effort)
{
	struct bench bench;

	if (load(&bench, buckets))
		for (size_t i = 0; i < count; i++)
			measure_rounds(&bench, &first[i], effort);
	else
		fprintf(stderr, "bench: not enough memory for %u buckets; skipped\n", buckets);
	unload(&bench);
}

int main(int argc, char **argv)
{
	int quick = argc > 1 && !strcmp(argv[1], "--quick");
	const struct effort *effort = quick ? &quick_effort : &full_effort;

	pin_to_cpu(0);
	measure_points(points, sizeof(points) / sizeof(points[0]), BUCKETS, effort);
	measure_points(&most_sources, 1, MORE_BUCKETS, effort);
	return 0;
}
