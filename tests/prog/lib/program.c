// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tests/prog/lib/program.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "include/program.h"
#include "xdp_ratelimit.skel.h"
#include "user/policy/class.h"
#include "user/datapath/gate.h"
#include "user/policy/gate.h"
#include "user/policy/limit.h"
#include "user/policy/policy.h"

#define FEW_SOURCES 4096
#define HASH_KEY    0x5DEECE66D1234567ULL /* the same in every run */

#define NAME(prefix, name)    #prefix #name,
#define PASSED_NAME(name)     NAME(passed_, name)
#define MONITOR_NAME(name)    NAME(passed_monitor_, name)
#define DROPPED_NAME(name)    NAME(dropped_, name)
#define REDIRECTED_NAME(name) NAME(redirected_, name)

const char *counter_name(__u32 counter)
{
	static const char *const names[XRL_COUNTERS] = {
		XRL_PASSED(PASSED_NAME) XRL_REASONS(MONITOR_NAME)
			XRL_REASONS(DROPPED_NAME) "dropped_redirect_gone",
		XRL_LIMIT_REASONS(REDIRECTED_NAME)};

	return counter < XRL_COUNTERS ? names[counter] : "none";
}

const char *program_entry_name(enum program_entry entry)
{
	return entry == PROGRAM_FRAGS ? "xdp_ratelimit" : "xdp_ratelimit_s";
}

__u64 boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void note_instructions(int program)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (!bpf_obj_get_info_by_fd(program, &info, &size))
		printf("# verifier: %u instructions (%s)\n", info.verified_insns, info.name);
}

static int prepare_gate(struct program *program, __u32 sources)
{
	struct xrl_flood_state *flood = &program->skel->data_flood->flood;

	flood->sources = sources;
	flood->lines = gate_sets(sources);
	flood->hash_key = HASH_KEY;
	return bpf_map__set_max_entries(program->skel->maps.gate, flood->lines);
}

static int prepare(struct program *program, const struct program_options *options)
{
	struct bpf_map *buckets = program->skel->maps.buckets;
	__u32 sources = options->sources ? options->sources : FEW_SOURCES;
	int frags = options->entry == PROGRAM_FRAGS;
	int error;

	bpf_program__set_autoload(program->skel->progs.xdp_ratelimit, frags);
	bpf_program__set_autoload(program->skel->progs.xdp_ratelimit_s, !frags);
	error = bpf_map__set_max_entries(buckets, sources);
	if (!error)
		error = prepare_gate(program, sources);
	if (!error && options->no_eviction)
		error = bpf_map__set_type(buckets, BPF_MAP_TYPE_HASH);
	return error;
}

static int take_descriptors(struct program *program, enum program_entry entry)
{
	struct xdp_ratelimit_bpf *skel = program->skel;

	program->fd = bpf_program__fd(entry == PROGRAM_FRAGS ? skel->progs.xdp_ratelimit
	                                                     : skel->progs.xdp_ratelimit_s);
	program->buckets = bpf_map__fd(skel->maps.buckets);
	program->permits = bpf_map__fd(skel->maps.permits);
	program->redirects = bpf_map__fd(skel->maps.redirects);
	program->counters = bpf_map__fd(skel->maps.counters);
	program->cidrs = bpf_map__fd(skel->maps.cidrs);
	program->separate_buckets = bpf_map__fd(skel->maps.separate_buckets);
	program->gate = bpf_map__fd(skel->maps.gate);
	program->cpus = libbpf_num_possible_cpus();
	program->per_cpu = calloc(program->cpus, sizeof(*program->per_cpu));
	/* libbpf maps the program's variables into memory */
	program->meta = &skel->data_meta->meta;
	program->policies = skel->data_classes->policies;
	program->protected_ports = skel->data_ports->protected_ports;
	program->class_buckets = skel->data_shared->class_buckets;
	program->flood = &skel->data_flood->flood;
	return program->per_cpu ? 0 : -ENOMEM;
}

int program_open(struct program *program, const struct program_options *options)
{
	int error;

	*program = (struct program){.skel = xdp_ratelimit_bpf__open()};
	if (!program->skel)
		return -errno;
	error = prepare(program, options);
	if (!error)
		error = xdp_ratelimit_bpf__load(program->skel);
	if (!error)
		error = take_descriptors(program, options->entry);
	if (error) {
		program_close(program);
		return error;
	}
	program->meta->abi_version = XRL_ABI_VERSION;
	note_instructions(program->fd);
	return 0;
}

void program_close(struct program *program)
{
	free(program->per_cpu);
	xdp_ratelimit_bpf__destroy(program->skel);
	*program = (struct program){};
}

/* A test with a misspelled limit or a failing map update would prove nothing. */
static void must(int good, const char *what)
{
	if (good)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static void parse(const char *text, struct xrl_limit *limit)
{
	char parse_error[256];

	must(!limit_parse(text, limit, parse_error, sizeof(parse_error)), text);
}

struct xrl_class class_from_limits(const char *const limits[XRL_MAX_LIMITS],
                                   const char *icmp_errors, enum xrl_action action)
{
	struct xrl_class class;

	class_set_default(&class);
	class.limit_count = 0;
	class.action = action;
	while (class.limit_count < XRL_MAX_LIMITS && limits[class.limit_count]) {
		parse(limits[class.limit_count], &class.limits[class.limit_count]);
		class.limit_count++;
	}
	if (icmp_errors)
		parse(icmp_errors, &class.limits[XRL_ICMP_ERRORS]);
	class_derive(&class);
	return class;
}

static void store_generation(struct program *program, __u32 generation)
{
	__atomic_store_n(&program->meta->generation, generation, __ATOMIC_SEQ_CST);
}

static __u32 next_copy(const struct program *program)
{
	return (program->meta->generation + 1) & 1;
}

struct xrl_policy *program_next_policy(struct program *program)
{
	struct xrl_policy *policy = &program->policies[next_copy(program)];

	memset(policy, 0, sizeof(*policy));
	policy->permitted_class = XRL_MAX_CLASSES;
	return policy;
}

struct xrl_ports *program_next_ports(struct program *program)
{
	struct xrl_ports *ports = &program->protected_ports[next_copy(program)];

	memset(ports, 0, sizeof(*ports));
	return ports;
}

/* Cached here, because every update of a map-in-map waits for an RCU grace period, and on
 * kernel 6.1 every lookup from user space does, too. */
static int *is_filled(struct program *program, int outer, __u32 copy)
{
	return &program->is_filled[outer == program->cidrs][copy];
}

static void set_inner(struct program *program, int outer, __u32 copy, int inner)
{
	must(inner >= 0 && !bpf_map_update_elem(outer, &copy, &inner, BPF_ANY),
	     "cannot update a map-in-map");
	close(inner);
	*is_filled(program, outer, copy) = 1;
}

static void clear_inner(struct program *program, int outer, __u32 copy)
{
	if (*is_filled(program, outer, copy))
		bpf_map_delete_elem(outer, &copy);
	*is_filled(program, outer, copy) = 0;
}

/* Returns -1 if there is none; some tests delete it. */
static int open_inner(struct program *program, int outer, __u32 copy)
{
	__u32 id;
	int inner;

	if (!*is_filled(program, outer, copy))
		return -1;
	if (bpf_map_lookup_elem(outer, &copy, &id)) {
		must(errno == ENOENT, "cannot look up a map-in-map");
		return -1;
	}
	inner = bpf_map_get_fd_by_id(id);
	must(inner >= 0, "cannot open an inner map");
	return inner;
}

void program_set_cidrs(struct program *program, const struct policy_cidr *cidrs, size_t count)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	__u32 copy = next_copy(program);
	int tree;

	if (!count) {
		clear_inner(program, program->cidrs, copy);
		return;
	}
	tree = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "tree", sizeof(struct xrl_cidr), sizeof(__u32),
	                      count, &options);
	for (size_t i = 0; i < count; i++) {
		must(!bpf_map_update_elem(tree, &cidrs[i].cidr, &cidrs[i].class_number, BPF_ANY),
		     "cannot add a CIDR");
		policy_mark_cidr(&program->policies[copy], &cidrs[i].cidr);
	}
	set_inner(program, program->cidrs, copy, tree);
}

/* With BTF types, as in the loader: kernel 6.1 and older accept no other inner map here. */
static int create_separate(const struct program *program, __u32 entries)
{
	const struct btf *btf = bpf_object__btf(program->skel->obj);
	LIBBPF_OPTS(bpf_map_create_opts, options, .btf_fd = bpf_object__btf_fd(program->skel->obj),
	            .btf_key_type_id =
	                    btf__find_by_name_kind(btf, "xrl_separate_key", BTF_KIND_STRUCT),
	            .btf_value_type_id =
	                    btf__find_by_name_kind(btf, "xrl_separate_bucket", BTF_KIND_STRUCT));

	return bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "separate", sizeof(struct xrl_separate_key),
	                      sizeof(struct xrl_separate_bucket), entries, &options);
}

void program_set_scoped(struct program *program, __u32 entries)
{
	__u32 copy = next_copy(program);
	int other;

	if (!entries) {
		clear_inner(program, program->separate_buckets, copy);
		return;
	}
	other = open_inner(program, program->separate_buckets, !copy);
	set_inner(program, program->separate_buckets, copy,
	          other >= 0 ? other : create_separate(program, entries));
}

/* Updates an element that no program reads: any update of a map-in-map waits for an RCU grace
 * period. */
void program_wait_for_readers(struct program *program)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);

	set_inner(program, program->cidrs, XRL_COPIES,
	          bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "tree", sizeof(struct xrl_cidr),
	                         sizeof(__u32), 1, &options));
}

static void repeat_inner(struct program *program, int outer, __u32 copy)
{
	int other = open_inner(program, outer, !copy);

	if (other >= 0)
		set_inner(program, outer, copy, other);
	else
		clear_inner(program, outer, copy);
}

void program_keep_maps(struct program *program)
{
	__u32 copy = next_copy(program);

	repeat_inner(program, program->cidrs, copy);
	repeat_inner(program, program->separate_buckets, copy);
}

void program_commit(struct program *program)
{
	store_generation(program, program->meta->generation + 1);
}

void program_activate_class(struct program *program, const struct xrl_class *class)
{
	struct xrl_policy *policy = program_next_policy(program);

	policy->classes[0] = *class;
	policy->wants = policy_wants_of_class(class);
	program_set_cidrs(program, NULL, 0);
	program_set_scoped(program, 0);
	program_commit(program);
}

void program_reset_limits(const struct program *program, struct xrl_class *class)
{
	for (__u32 i = 0; i < XRL_WINDOWS; i++)
		class->limits[i].since_generation = program->meta->generation + 1;
}

void program_permit(struct program *program, struct xrl_address source, __u64 until_boot_ns)
{
	struct xrl_permit permit = {.until_boot_ns = until_boot_ns};

	gate_add_permit(program->flood, &source);
	if (until_boot_ns)
		must(!bpf_map_update_elem(program->permits, &source, &permit, BPF_ANY),
		     "cannot add a permit");
	else
		bpf_map_delete_elem(program->permits, &source);
	store_generation(program, program->meta->generation + 2);
}

int program_run(const struct program *program, const void *frame, __u32 bytes, void *out)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = bytes,
	            .data_out = out, .data_size_out = out ? bytes : 0, .repeat = 1);
	int error = bpf_prog_test_run_opts(program->fd, &run);

	return error ? error : (int)run.retval;
}

int program_run_split(const struct program *program, const void *frame, __u32 bytes,
                      __u32 first_bytes)
{
	struct xdp_md context = {.data_end = first_bytes};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = bytes,
	            .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = 1);
	int error = bpf_prog_test_run_opts(program->fd, &run);

	return error ? error : (int)run.retval;
}

int program_run_repeated(const struct program *program, const void *frame, __u32 bytes, __u32 times,
                         __u32 *each_ns)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = bytes,
	            .repeat = times);
	int error = bpf_prog_test_run_opts(program->fd, &run);

	if (each_ns)
		*each_ns = run.duration;
	return error;
}

void program_read_counters(const struct program *program, struct xrl_counter_pair sum[XRL_COUNTERS])
{
	const struct xrl_counter_pair *pairs = (const void *)program->per_cpu;
	__u32 zero = 0;

	must(!bpf_map_lookup_elem(program->counters, &zero, program->per_cpu),
	     "cannot read the counters");
	memset(sum, 0, XRL_COUNTERS * sizeof(*sum));
	for (int cpu = 0; cpu < program->cpus; cpu++)
		for (int i = 0; i < XRL_COUNTERS; i++, pairs++) {
			sum[i].packets += pairs->packets;
			sum[i].bytes += pairs->bytes;
		}
}

__u32 program_run_counter(const struct program *program, const void *frame, __u32 bytes)
{
	struct xrl_counter_pair before[XRL_COUNTERS], after[XRL_COUNTERS];
	__u32 i = 0;

	program_read_counters(program, before);
	program_run(program, frame, bytes, NULL);
	program_read_counters(program, after);
	while (i < XRL_COUNTERS && after[i].packets == before[i].packets)
		i++;
	return i;
}

int program_read_bucket(const struct program *program, struct xrl_address source,
                        struct xrl_bucket *bucket)
{
	return !bpf_map_lookup_elem(program->buckets, &source, bucket);
}

void program_delete_bucket(const struct program *program, struct xrl_address source)
{
	bpf_map_delete_elem(program->buckets, &source);
}

void pin_to_current_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
}
