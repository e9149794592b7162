// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The cost of each feature of a policy per packet, compared with the default policy and a bare
 * lookup. Measured for one hot source within its limits, which takes the longest path; new_* is for
 * sources without a bucket. */
#include <netinet/in.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "user/policy/policy.h"
#include "tests/units.h"

#define NEVER_REACHED LIMIT_MAX_UNITS
#define HOT_PACKETS   100000
#define NEW_SOURCES   200000
#define CIDRS         10000

/* A segment of 66 bytes to port 80 that begins a request. */
static const unsigned char request[] = {
	0x02, 0,    0, 0,   0,   1,   0x02, 0,   0,   0,   0,   2,   0x08, 0x00, 0x45, 0,    0,
	52,   0,    0, 0,   0,   64,  6,    0,   0,   10,  0,   0,   1,    192,  0,    2,    1,
	0x30, 0x39, 0, 80,  0,   0,   0,    0,   0,   0,   0,   0,   0x50, 0x18, 0xff, 0xff, 0,
	0,    0,    0, 'G', 'E', 'T', ' ',  '/', ' ', 'H', 'T', 'T', 'P',  '/',  '1',
};

enum program { EMPTY, BARE, LIMITER, PROGRAMS };

struct bench {
	struct baseline_bpf *baseline;
	struct xdp_ratelimit_bpf *limiter;
	int programs[PROGRAMS];
};

static struct xrl_limit limit_of(enum xrl_unit unit, enum xrl_algorithm algorithm)
{
	struct xrl_limit limit;

	limit_set(&limit, NEVER_REACHED, SECOND_NS, unit);
	limit.algorithm = algorithm;
	limit_derive(&limit);
	limit.id = 1;
	return limit;
}

static void add_limit(struct xrl_class *class, enum xrl_unit unit, enum xrl_algorithm algorithm)
{
	class->limits[class->limit_count++] = limit_of(unit, algorithm);
}

static struct xrl_limit *add_scoped(struct xrl_class *class, __u8 scope_bits)
{
	struct xrl_limit *limit = &class->separate[class->separate_count++];

	*limit = limit_of(XRL_PACKETS, XRL_FIXED);
	limit->id = class->separate_count;
	limit->scope_bits = scope_bits;
	return limit;
}

static void with_default(struct xrl_policy *policy, struct xrl_class *class)
{
	(void)policy;
	add_limit(class, XRL_PACKETS, XRL_FIXED);
}

static void with_token(struct xrl_policy *policy, struct xrl_class *class)
{
	(void)policy;
	add_limit(class, XRL_PACKETS, XRL_TOKEN);
}

static void with_sliding(struct xrl_policy *policy, struct xrl_class *class)
{
	(void)policy;
	add_limit(class, XRL_PACKETS, XRL_SLIDING);
}

static void with_four_limits(struct xrl_policy *policy, struct xrl_class *class)
{
	(void)policy;
	add_limit(class, XRL_PACKETS, XRL_FIXED);
	add_limit(class, XRL_BYTES, XRL_FIXED);
	add_limit(class, XRL_CONNECTIONS, XRL_FIXED);
	add_limit(class, XRL_PACKETS, XRL_FIXED);
}

static void with_endpoint(struct xrl_policy *policy, struct xrl_class *class)
{
	struct xrl_limit *limit = add_scoped(class, XRL_SCOPE_SOURCE);

	with_default(policy, class);
	policy->wants = XRL_WANTS_PORTS;
	limit->endpoint_protocol = IPPROTO_UDP;
	limit->first_port = limit->last_port = 53;
}

/* The packet goes to another endpoint. */
static void with_other_endpoint(struct xrl_policy *policy, struct xrl_class *class)
{
	with_endpoint(policy, class);
	class->separate[0].endpoint_protocol = IPPROTO_TCP;
}

static void with_prefix(struct xrl_policy *policy, struct xrl_class *class)
{
	with_default(policy, class);
	add_scoped(class, 24);
}

static void with_class_scope(struct xrl_policy *policy, struct xrl_class *class)
{
	with_default(policy, class);
	add_scoped(class, XRL_SCOPE_CLASS);
}

static void with_protect(struct xrl_policy *policy, struct xrl_class *class)
{
	with_default(policy, class);
	policy->wants = XRL_WANTS_PORTS | XRL_PROTECTS | XRL_PROTECTS_UDP | XRL_PROTECTS_TCP;
}

static void with_penalty(struct xrl_policy *policy, struct xrl_class *class)
{
	with_default(policy, class);
	limit_set_penalty(&class->penalty, DAY_NS);
}

static void with_warn(struct xrl_policy *policy, struct xrl_class *class)
{
	with_default(policy, class);
	class->warns = 1;
	class->limits[0].warn_units = class->limits[0].max_units / 5 * 4;
}

static void with_http_requests(struct xrl_policy *policy, struct xrl_class *class)
{
	add_limit(class, XRL_HTTP_REQUESTS, XRL_FIXED);
	policy->wants = XRL_WANTS_HTTP;
}

static const struct feature {
	const char *name;
	void (*add)(struct xrl_policy *policy, struct xrl_class *class);
	const unsigned char *frame;
	__u32 frame_bytes;
	__u32 cidrs;
} features[] = {
	{"default", with_default, frame, sizeof(frame), 0},
	{"four_limits", with_four_limits, frame, sizeof(frame), 0},
	{"token", with_token, frame, sizeof(frame), 0},
	{"sliding", with_sliding, frame, sizeof(frame), 0},
	{"endpoint_hit", with_endpoint, frame, sizeof(frame), 0},
	{"endpoint_other", with_other_endpoint, frame, sizeof(frame), 0},
	{"prefix_scope", with_prefix, frame, sizeof(frame), 0},
	{"class_scope", with_class_scope, frame, sizeof(frame), 0},
	{"protect", with_protect, frame, sizeof(frame), 0},
	{"penalty", with_penalty, frame, sizeof(frame), 0},
	{"warn", with_warn, frame, sizeof(frame), 0},
	{"http_requests", with_http_requests, request, sizeof(request), 0},
	{"cidrs_10k", with_default, frame, sizeof(frame), CIDRS},
};

#define FEATURES (sizeof(features) / sizeof(features[0]))

/* 10.0.0.0/8, which contains the sources, and single addresses 203.0.0.1 to 203.0.39.15. */
static void set_cidrs(struct xdp_ratelimit_bpf *limiter, struct xrl_policy *policy, __u32 count)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	__u32 copy = (limiter->data_meta->meta.generation + 1) & 1, zero = 0;
	int cidrs = bpf_map__fd(limiter->maps.cidrs), tree;

	bpf_map_delete_elem(cidrs, &copy);
	if (!count)
		return;
	tree = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "cidrs", sizeof(struct xrl_cidr),
	                      sizeof(__u32), count, &options);
	for (__u32 i = 0; i < count; i++) {
		struct xrl_cidr cidr = {.prefix_bits = i ? 32 : 8,
		                        .address = {{i ? 203 : 10, 0, i >> 8, i}}};

		if (bpf_map_update_elem(tree, &cidr, &zero, BPF_ANY))
			die("filling in the CIDRs");
		policy_mark_cidr(policy, &cidr); /* used by the gate */
	}
	if (bpf_map_update_elem(cidrs, &copy, &tree, BPF_ANY))
		die("setting the CIDRs");
	close(tree);
}

static void make_scoped_buckets(struct xdp_ratelimit_bpf *limiter)
{
	int map = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "separate", sizeof(struct xrl_separate_key),
	                         sizeof(struct xrl_separate_bucket), 65536, NULL);

	for (__u32 copy = 0; copy < XRL_COPIES; copy++)
		if (bpf_map_update_elem(bpf_map__fd(limiter->maps.separate_buckets), &copy, &map,
		                        BPF_ANY))
			die("setting the separate buckets");
}

static void activate(struct bench *bench, const struct feature *feature)
{
	__u32 generation = bench->limiter->data_meta->meta.generation + 1;
	struct xrl_policy *policy = next_policy(bench->limiter);
	struct xrl_class *class = &policy->classes[0];

	class_set_default(class);
	class->limit_count = 0;
	feature->add(policy, class);
	for (int i = 0; i < XRL_WINDOWS; i++)
		class->limits[i].since_generation = generation;
	class_derive(class);
	memset(bench->limiter->data_ports, 0xFF, sizeof(*bench->limiter->data_ports));
	set_cidrs(bench->limiter, policy, feature->cidrs);
	commit_policy(bench->limiter);
}

static void report(const char *kind, const char *name, double ns[PROGRAMS][MAX_ROUNDS], int rounds)
{
	double ratios[MAX_ROUNDS];

	for (int i = 0; i < rounds; i++)
		ratios[i] = (ns[LIMITER][i] - ns[EMPTY][i]) / (ns[BARE][i] - ns[EMPTY][i]);
	printf("%s_%s_ns %.2f\n", kind, name, median(ns[LIMITER], rounds));
	printf("%s_%s_bare_ns %.2f\n", kind, name, median(ns[BARE], rounds));
	printf("%s_%s_ratio %.3f\n", kind, name, median(ratios, rounds));
	fflush(stdout);
}

static void measure_hot(struct bench *bench, const struct feature *feature, int rounds)
{
	static double ns[PROGRAMS][MAX_ROUNDS];

	for (int round = -1; round < rounds; round++)
		for (int program = 0; program < PROGRAMS; program++) {
			double each_ns = run_ns(bench->programs[program], feature->frame,
			                        feature->frame_bytes, HOT_PACKETS);

			if (round >= 0)
				ns[program][round] = each_ns;
		}
	report("feature", feature->name, ns, rounds);
}

/* Every packet has a source without a bucket, often enough to engage the gate. */
static void measure_new(struct bench *bench, const struct feature *feature, int rounds)
{
	static double ns[PROGRAMS][MAX_ROUNDS];
	int from_random = bpf_program__fd(bench->baseline->progs.from_random_source);

	bench->baseline->data->source_count = 1ULL << 32;
	for (int round = -1; round < rounds; round++)
		for (int program = 0; program < PROGRAMS; program++) {
			double each_ns;

			continue_in(bench->baseline, bench->programs[program]);
			each_ns = run_ns(from_random, frame, sizeof(frame), NEW_SOURCES);
			if (round >= 0)
				ns[program][round] = each_ns;
		}
	report("new", feature->name, ns, rounds);
}

int main(int argc, char **argv)
{
	int quick = argc > 1 && !strcmp(argv[1], "--quick");
	struct bench bench = {.baseline = load_baseline(), .limiter = load_limiter()};

	pin_to_cpu(0);
	bench.programs[EMPTY] = bpf_program__fd(bench.baseline->progs.empty_pass);
	bench.programs[BARE] = bpf_program__fd(bench.baseline->progs.bare_lookup);
	bench.programs[LIMITER] = bpf_program__fd(bench.limiter->progs.xdp_ratelimit);
	make_scoped_buckets(bench.limiter);
	for (size_t i = 0; i < FEATURES; i++) {
		activate(&bench, &features[i]);
		measure_hot(&bench, &features[i], quick ? 11 : 41);
	}
	for (size_t i = 0; i < FEATURES; i += FEATURES - 1) {
		activate(&bench, &features[i]);
		measure_new(&bench, &features[i], quick ? 3 : 9);
	}
	xdp_ratelimit_bpf__destroy(bench.limiter);
	baseline_bpf__destroy(bench.baseline);
	return 0;
}
