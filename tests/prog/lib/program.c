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

const char *loaded_counter_name(__u32 counter)
{
	static const char *const names[XRL_COUNTERS] = {
		XRL_PASSED(PASSED_NAME) XRL_REASONS(MONITOR_NAME)
			XRL_REASONS(DROPPED_NAME) "dropped_redirect_gone",
		XRL_LIMIT_REASONS(REDIRECTED_NAME)};

	return counter < XRL_COUNTERS ? names[counter] : "none";
}

const char *loaded_entry_name(enum loaded_entry entry)
{
	return entry == LOADED_FRAGS ? "xdp_ratelimit" : "xdp_ratelimit_s";
}

__u64 loaded_boot_ns(void)
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

static int prepare_gate(struct loaded *loaded, __u32 sources)
{
	struct xrl_flood_state *flood = &loaded->skel->data_flood->flood;

	flood->sources = sources;
	flood->lines = flood_lines(sources);
	flood->hash_key = HASH_KEY;
	return bpf_map__set_max_entries(loaded->skel->maps.gate, flood->lines);
}

static int prepare(struct loaded *loaded, const struct loaded_options *options)
{
	struct bpf_map *buckets = loaded->skel->maps.buckets;
	__u32 sources = options->sources ? options->sources : FEW_SOURCES;
	int frags = options->entry == LOADED_FRAGS;
	int error;

	bpf_program__set_autoload(loaded->skel->progs.xdp_ratelimit, frags);
	bpf_program__set_autoload(loaded->skel->progs.xdp_ratelimit_s, !frags);
	error = bpf_map__set_max_entries(buckets, sources);
	if (!error)
		error = prepare_gate(loaded, sources);
	if (!error && options->plain_hash)
		error = bpf_map__set_type(buckets, BPF_MAP_TYPE_HASH);
	return error;
}

static int take_descriptors(struct loaded *loaded, enum loaded_entry entry)
{
	struct xdp_ratelimit_bpf *skel = loaded->skel;

	loaded->program = bpf_program__fd(entry == LOADED_FRAGS ? skel->progs.xdp_ratelimit
	                                                        : skel->progs.xdp_ratelimit_s);
	loaded->buckets = bpf_map__fd(skel->maps.buckets);
	loaded->permits = bpf_map__fd(skel->maps.permits);
	loaded->redirects = bpf_map__fd(skel->maps.redirects);
	loaded->counters = bpf_map__fd(skel->maps.counters);
	loaded->cidrs = bpf_map__fd(skel->maps.cidrs);
	loaded->separate_buckets = bpf_map__fd(skel->maps.separate_buckets);
	loaded->gate = bpf_map__fd(skel->maps.gate);
	loaded->cpus = libbpf_num_possible_cpus();
	loaded->per_cpu = calloc(loaded->cpus, sizeof(*loaded->per_cpu));
	/* libbpf has mapped the variables into memory */
	loaded->meta = &skel->data_meta->meta;
	loaded->policies = skel->data_classes->policies;
	loaded->protected_ports = skel->data_ports->protected_ports;
	loaded->class_buckets = skel->data_shared->class_buckets;
	loaded->flood = &skel->data_flood->flood;
	return loaded->per_cpu ? 0 : -ENOMEM;
}

int loaded_open(struct loaded *loaded, const struct loaded_options *options)
{
	int error;

	*loaded = (struct loaded){.skel = xdp_ratelimit_bpf__open()};
	if (!loaded->skel)
		return -errno;
	error = prepare(loaded, options);
	if (!error)
		error = xdp_ratelimit_bpf__load(loaded->skel);
	if (!error)
		error = take_descriptors(loaded, options->entry);
	if (error) {
		loaded_close(loaded);
		return error;
	}
	loaded->meta->abi_version = XRL_ABI_VERSION;
	note_instructions(loaded->program);
	return 0;
}

void loaded_close(struct loaded *loaded)
{
	free(loaded->per_cpu);
	xdp_ratelimit_bpf__destroy(loaded->skel);
	*loaded = (struct loaded){};
}

/* A test that misspells a limit, or whose maps refuse what it writes, proves nothing. */
static void must(int good, const char *what)
{
	if (good)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static void parse(const char *text, struct xrl_limit *limit)
{
	char complaint[256];

	must(!limit_parse(text, limit, complaint, sizeof(complaint)), text);
}

struct xrl_class loaded_class(const char *const limits[XRL_MAX_LIMITS], const char *icmp_errors,
                              enum xrl_action action)
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
	class_finish(&class);
	return class;
}

static void store_generation(struct loaded *loaded, __u32 generation)
{
	__atomic_store_n(&loaded->meta->generation, generation, __ATOMIC_SEQ_CST);
}

static __u32 next_copy(const struct loaded *loaded)
{
	return (loaded->meta->generation + 1) & 1;
}

struct xrl_policy *loaded_next_policy(struct loaded *loaded)
{
	struct xrl_policy *policy = &loaded->policies[next_copy(loaded)];

	memset(policy, 0, sizeof(*policy));
	policy->permitted_class = XRL_MAX_CLASSES;
	return policy;
}

struct xrl_ports *loaded_next_ports(struct loaded *loaded)
{
	struct xrl_ports *ports = &loaded->protected_ports[next_copy(loaded)];

	memset(ports, 0, sizeof(*ports));
	return ports;
}

/* To be remembered: each change of a map of maps waits for the programs that run, and with 6.1
 * each look at it from here, too. */
static int *is_filled(struct loaded *loaded, int outer, __u32 copy)
{
	return &loaded->is_filled[outer == loaded->cidrs][copy];
}

static void set_inner(struct loaded *loaded, int outer, __u32 copy, int inner)
{
	must(inner >= 0 && !bpf_map_update_elem(outer, &copy, &inner, BPF_ANY), "a map of maps");
	close(inner);
	*is_filled(loaded, outer, copy) = 1;
}

static void clear_inner(struct loaded *loaded, int outer, __u32 copy)
{
	if (*is_filled(loaded, outer, copy))
		bpf_map_delete_elem(outer, &copy);
	*is_filled(loaded, outer, copy) = 0;
}

/* -1: there is none, or none any more: some tests take it away. */
static int open_inner(struct loaded *loaded, int outer, __u32 copy)
{
	__u32 id;
	int inner;

	if (!*is_filled(loaded, outer, copy))
		return -1;
	if (bpf_map_lookup_elem(outer, &copy, &id)) {
		must(errno == ENOENT, "a map of maps");
		return -1;
	}
	inner = bpf_map_get_fd_by_id(id);
	must(inner >= 0, "a map of a map of maps");
	return inner;
}

void loaded_set_cidrs(struct loaded *loaded, const struct policy_cidr *cidrs, size_t count)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	__u32 copy = next_copy(loaded);
	int tree;

	if (!count) {
		clear_inner(loaded, loaded->cidrs, copy);
		return;
	}
	tree = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "tree", sizeof(struct xrl_cidr), sizeof(__u32),
	                      count, &options);
	for (size_t i = 0; i < count; i++) {
		must(!bpf_map_update_elem(tree, &cidrs[i].cidr, &cidrs[i].class_number, BPF_ANY),
		     "a CIDR");
		policy_mark_cidr(&loaded->policies[copy], &cidrs[i].cidr);
	}
	set_inner(loaded, loaded->cidrs, copy, tree);
}

/* With types, as the loader makes it: 6.1 and older take no other one for such a place. */
static int create_separate(const struct loaded *loaded, __u32 entries)
{
	const struct btf *btf = bpf_object__btf(loaded->skel->obj);
	LIBBPF_OPTS(bpf_map_create_opts, options, .btf_fd = bpf_object__btf_fd(loaded->skel->obj),
	            .btf_key_type_id =
	                    btf__find_by_name_kind(btf, "xrl_separate_key", BTF_KIND_STRUCT),
	            .btf_value_type_id =
	                    btf__find_by_name_kind(btf, "xrl_separate_bucket", BTF_KIND_STRUCT));

	return bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "separate", sizeof(struct xrl_separate_key),
	                      sizeof(struct xrl_separate_bucket), entries, &options);
}

void loaded_set_separate(struct loaded *loaded, __u32 entries)
{
	__u32 copy = next_copy(loaded);
	int other;

	if (!entries) {
		clear_inner(loaded, loaded->separate_buckets, copy);
		return;
	}
	other = open_inner(loaded, loaded->separate_buckets, !copy);
	set_inner(loaded, loaded->separate_buckets, copy,
	          other >= 0 ? other : create_separate(loaded, entries));
}

/* The element that no program reads: a change of it waits as any other one does. */
void loaded_wait(struct loaded *loaded)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);

	set_inner(loaded, loaded->cidrs, XRL_COPIES,
	          bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "tree", sizeof(struct xrl_cidr),
	                         sizeof(__u32), 1, &options));
}

static void repeat_inner(struct loaded *loaded, int outer, __u32 copy)
{
	int other = open_inner(loaded, outer, !copy);

	if (other >= 0)
		set_inner(loaded, outer, copy, other);
	else
		clear_inner(loaded, outer, copy);
}

void loaded_repeat_maps(struct loaded *loaded)
{
	__u32 copy = next_copy(loaded);

	repeat_inner(loaded, loaded->cidrs, copy);
	repeat_inner(loaded, loaded->separate_buckets, copy);
}

void loaded_switch(struct loaded *loaded)
{
	store_generation(loaded, loaded->meta->generation + 1);
}

void loaded_publish(struct loaded *loaded, const struct xrl_class *class)
{
	struct xrl_policy *policy = loaded_next_policy(loaded);

	policy->classes[0] = *class;
	policy->wants = policy_wants_of_class(class);
	loaded_set_cidrs(loaded, NULL, 0);
	loaded_set_separate(loaded, 0);
	loaded_switch(loaded);
}

void loaded_renew(const struct loaded *loaded, struct xrl_class *class)
{
	for (__u32 i = 0; i < XRL_WINDOWS; i++)
		class->limits[i].since_generation = loaded->meta->generation + 1;
}

void loaded_permit(struct loaded *loaded, struct xrl_address source, __u64 until_boot_ns)
{
	struct xrl_permit permit = {.until_boot_ns = until_boot_ns};

	flood_expect_permit(loaded->flood, &source);
	if (until_boot_ns)
		must(!bpf_map_update_elem(loaded->permits, &source, &permit, BPF_ANY), "permits");
	else
		bpf_map_delete_elem(loaded->permits, &source);
	store_generation(loaded, loaded->meta->generation + 2);
}

int loaded_run(const struct loaded *loaded, const void *frame, __u32 bytes, void *out)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = bytes,
	            .data_out = out, .data_size_out = out ? bytes : 0, .repeat = 1);
	int error = bpf_prog_test_run_opts(loaded->program, &run);

	return error ? error : (int)run.retval;
}

int loaded_run_split(const struct loaded *loaded, const void *frame, __u32 bytes, __u32 first_bytes)
{
	struct xdp_md context = {.data_end = first_bytes};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = bytes,
	            .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = 1);
	int error = bpf_prog_test_run_opts(loaded->program, &run);

	return error ? error : (int)run.retval;
}

int loaded_run_often(const struct loaded *loaded, const void *frame, __u32 bytes, __u32 times,
                     __u32 *each_ns)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = bytes,
	            .repeat = times);
	int error = bpf_prog_test_run_opts(loaded->program, &run);

	if (each_ns)
		*each_ns = run.duration;
	return error;
}

void loaded_read_counters(const struct loaded *loaded, struct xrl_counter_pair sum[XRL_COUNTERS])
{
	const struct xrl_counter_pair *pairs = (const void *)loaded->per_cpu;
	__u32 zero = 0;

	must(!bpf_map_lookup_elem(loaded->counters, &zero, loaded->per_cpu), "counters");
	memset(sum, 0, XRL_COUNTERS * sizeof(*sum));
	for (int cpu = 0; cpu < loaded->cpus; cpu++)
		for (int i = 0; i < XRL_COUNTERS; i++, pairs++) {
			sum[i].packets += pairs->packets;
			sum[i].bytes += pairs->bytes;
		}
}

__u32 loaded_counter_of(const struct loaded *loaded, const void *frame, __u32 bytes)
{
	struct xrl_counter_pair before[XRL_COUNTERS], after[XRL_COUNTERS];
	__u32 i = 0;

	loaded_read_counters(loaded, before);
	loaded_run(loaded, frame, bytes, NULL);
	loaded_read_counters(loaded, after);
	while (i < XRL_COUNTERS && after[i].packets == before[i].packets)
		i++;
	return i;
}

int loaded_read_bucket(const struct loaded *loaded, struct xrl_address source,
                       struct xrl_bucket *bucket)
{
	return !bpf_map_lookup_elem(loaded->buckets, &source, bucket);
}

void loaded_forget(const struct loaded *loaded, struct xrl_address source)
{
	bpf_map_delete_elem(loaded->buckets, &source);
}

void loaded_stay_on_this_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
}
