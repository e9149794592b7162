// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The time per packet of the limiter, of a program that does nothing, and of one that only looks up
 * the source. */
#include <unistd.h>

#include "tests/bench/together.h"

#define HOT_PACKETS 100000

/* The limit for a source that must stay within it. */
#define NEVER_REACHED LIMIT_MAX_UNITS

enum program { EMPTY, BARE, LIMITER, PROGRAMS };

static const char *const program_names[PROGRAMS] = {"empty", "bare", "limiter"};

/* The placement of a map's pages, and thus which of them conflict in the caches, is a matter of
 * chance, and fixed as long as the map exists: with 64k sources, two loads of the same program
 * differed by up to 0.1 of the ratio. All programs are therefore loaded `loads` times.
 *
 * With many sources, a round has enough packets to last a second, since each source reads the clock
 * once a second, however many packets it sends. Single rounds then differ by half, depending on how
 * much of the caches other processes use; there are enough rounds that their median hardly varies.
 */
struct workload {
	const char *name;
	__u64 sources;
	__u64 max_packets;
	__u32 packets, quick_packets;
	int loads, rounds; /* rounds per load */
	int quick_rounds;  /* with one load */
	int known;
	int cpus;
	int back_to_back; /* without BETWEEN_PACKETS, see baseline.bpf.c */
};

static const struct workload workloads[] = {
	{"hot_within", 1, NEVER_REACHED, HOT_PACKETS, HOT_PACKETS, 5, 12, 31, 0, 1, 0},
	{"hot_over", 1, CLASS_DEFAULT_MAX_PACKETS, HOT_PACKETS, HOT_PACKETS, 5, 12, 31, 0, 1, 0},
	{"known_64k", 65536, CLASS_DEFAULT_MAX_PACKETS, 2000000, 1000000, 12, 3, 3, 1, 1, 0},
	{"known_1m", 1000000, CLASS_DEFAULT_MAX_PACKETS, 4000000, 2000000, 5, 3, 3, 1, 1, 0},
	{"known_64k_back_to_back", 65536, CLASS_DEFAULT_MAX_PACKETS, 5000000, 1000000, 5, 3, 3, 1,
         1, 1},
	{"known_1m_back_to_back", 1000000, CLASS_DEFAULT_MAX_PACKETS, 4000000, 2000000, 3, 3, 3, 1,
         1, 1},
	{"spoofed", 1ULL << 32, CLASS_DEFAULT_MAX_PACKETS, 1000000, 500000, 5, 4, 3, 1, 1, 0},
	{"spoofed_2cpu", 1ULL << 32, CLASS_DEFAULT_MAX_PACKETS, 1000000, 500000, 5, 4, 3, 1, 2, 0},
};

struct bench {
	struct baseline_bpf *baseline;
	struct xdp_ratelimit_bpf *limiter;
	int programs[PROGRAMS];
};

static double measure(struct bench *bench, const struct workload *workload, enum program program,
                      __u32 packets)
{
	struct bpf_program *program_of_many =
		workload->back_to_back ? bench->baseline->progs.from_random_source_back_to_back
				       : bench->baseline->progs.from_random_source;
	int from_random = bpf_program__fd(program_of_many);

	if (workload->sources == 1)
		return run_ns(bench->programs[program], frame, sizeof(frame), packets);
	continue_in(bench->baseline, bench->programs[program]);
	if (workload->cpus == 1)
		return run_ns(from_random, frame, sizeof(frame), packets);
	return run_together_ns(from_random, workload->cpus, packets, 0);
}

/* Sends from every source once, or, for a flood, until the map is full. The gate is off meanwhile,
 * since it would engage. */
static void warm_up(struct bench *bench, const struct workload *workload)
{
	__u32 sources = workload->sources >> 32 ? 2 * 1048576 : workload->sources;

	set_gate(bench->limiter, XRL_FLOOD_OFF);
	for (enum program program = BARE; program < PROGRAMS; program++) {
		bench->baseline->bss->sources_drawn = 0;
		continue_in(bench->baseline, bench->programs[program]);
		run_ns(bpf_program__fd(bench->baseline->progs.from_next_source), frame,
		       sizeof(frame), sources);
	}
	set_gate(bench->limiter, XRL_FLOOD_ON);
}

struct round {
	double ns[PROGRAMS];
};

/* The programs take turns within a round, so that a disturbance affects all of them. */
static struct round measure_round(struct bench *bench, const struct workload *workload,
                                  __u32 packets)
{
	struct round round;

	for (int program = 0; program < PROGRAMS; program++)
		round.ns[program] = measure(bench, workload, program, packets);
	return round;
}

static double ratio(const struct round *round)
{
	return (round->ns[LIMITER] - round->ns[EMPTY]) / (round->ns[BARE] - round->ns[EMPTY]);
}

/* Reports the median of the ratios of the rounds, since other load affects all three programs of a
 * round alike. */
static void report(const struct workload *workload, const struct round *measured, int rounds)
{
	double ns[PROGRAMS][MAX_ROUNDS], ratios[MAX_ROUNDS];

	for (int i = 0; i < rounds; i++) {
		for (int program = 0; program < PROGRAMS; program++)
			ns[program][i] = measured[i].ns[program];
		ratios[i] = ratio(&measured[i]);
	}
	for (int program = 0; program < PROGRAMS; program++)
		printf("%s_%s_ns %.2f\n", workload->name, program_names[program],
		       median(ns[program], rounds));
	printf("%s_ratio %.3f\n", workload->name, median(ratios, rounds));
	fflush(stdout);
}

static struct bench load(void)
{
	struct bench bench = {.baseline = load_baseline(), .limiter = load_limiter()};

	bench.programs[EMPTY] = bpf_program__fd(bench.baseline->progs.empty_pass);
	bench.programs[BARE] = bpf_program__fd(bench.baseline->progs.bare_lookup);
	bench.programs[LIMITER] = bpf_program__fd(bench.limiter->progs.xdp_ratelimit);
	return bench;
}

static void unload(struct bench *bench)
{
	xdp_ratelimit_bpf__destroy(bench->limiter);
	baseline_bpf__destroy(bench->baseline);
}

static void prepare(struct bench *bench, const struct workload *workload, __u32 packets)
{
	activate_limit(bench->limiter, workload->max_packets, SECOND_NS);
	bench->baseline->data->source_count = workload->sources;
	if (workload->known)
		warm_up(bench, workload);
	for (int program = 0; program < PROGRAMS; program++)
		measure(bench, workload, program, packets / 4);
}

static void measure_workload(const struct workload *workload, int quick)
{
	int loads = quick ? 1 : workload->loads,
	    rounds = quick ? workload->quick_rounds : workload->rounds;
	__u32 packets = quick ? workload->quick_packets : workload->packets;
	struct round measured[MAX_ROUNDS];

	if (loads * rounds > MAX_ROUNDS) {
		fprintf(stderr, "bench: %s: more than %d rounds\n", workload->name, MAX_ROUNDS);
		exit(1);
	}
	for (int round = 0; round < loads * rounds;) {
		struct bench bench = load();

		prepare(&bench, workload, packets);
		do
			measured[round] = measure_round(&bench, workload, packets);
		while (++round % rounds);
		unload(&bench);
	}
	report(workload, measured, loads * rounds);
}

/* For tests/bench/compare, which lets two builds of this program take turns. Each line of input
 * measures a round and prints its ratio. The line "load", which must come first, reloads the
 * programs before that round. */
static void measure_by_turns(const struct workload *workload)
{
	struct bench bench = {};
	char line[16];

	while (fgets(line, sizeof(line), stdin)) {
		struct round round;

		if (!bench.baseline || !strcmp(line, "load\n")) {
			unload(&bench);
			bench = load();
			prepare(&bench, workload, workload->packets);
		}
		round = measure_round(&bench, workload, workload->packets);
		printf("%.4f\n", ratio(&round));
		fflush(stdout);
	}
	unload(&bench);
}

static const struct workload *find_workload(const char *name)
{
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (!strcmp(workloads[i].name, name))
			return &workloads[i];
	fprintf(stderr, "bench: unknown workload '%s'; expected one of", name);
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		fprintf(stderr, " %s", workloads[i].name);
	fprintf(stderr, "\n");
	exit(2);
}

int main(int argc, char **argv)
{
	int quick = argc > 1 && !strcmp(argv[1], "--quick");

	pin_to_cpu(0);
	if (argc > 2 && !strcmp(argv[1], "--by-turns")) {
		measure_by_turns(find_workload(argv[2]));
		return 0;
	}
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (workloads[i].cpus <= sysconf(_SC_NPROCESSORS_ONLN))
			measure_workload(&workloads[i], quick);
	return 0;
}
