// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "loaded.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../include/program.h"
#include "xdp_ratelimit.skel.h"
#include "class.h"
#include "limit.h"

#define FEW_SOURCES 4096

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

static int prepare(struct loaded *loaded, const struct loaded_options *options)
{
	struct bpf_map *buckets = loaded->skel->maps.buckets;
	__u32 sources = options->sources ? options->sources : FEW_SOURCES;
	int frags = options->entry == LOADED_FRAGS;
	int error;

	bpf_program__set_autoload(loaded->skel->progs.xdp_ratelimit, frags);
	bpf_program__set_autoload(loaded->skel->progs.xdp_ratelimit_s, !frags);
	error = bpf_map__set_max_entries(buckets, sources);
	if (!error && options->plain_hash)
		error = bpf_map__set_type(buckets, BPF_MAP_TYPE_HASH);
	return error;
}

static int take_descriptors(struct loaded *loaded, enum loaded_entry entry)
{
	struct xdp_ratelimit_bpf *skel = loaded->skel;
	int meta = bpf_map__fd(skel->maps.data_meta);

	loaded->program = bpf_program__fd(entry == LOADED_FRAGS ? skel->progs.xdp_ratelimit
	                                                        : skel->progs.xdp_ratelimit_s);
	loaded->buckets = bpf_map__fd(skel->maps.buckets);
	loaded->permits = bpf_map__fd(skel->maps.permits);
	loaded->classes = bpf_map__fd(skel->maps.classes);
	loaded->redirects = bpf_map__fd(skel->maps.redirects);
	loaded->counters = bpf_map__fd(skel->maps.counters);
	loaded->cpus = libbpf_num_possible_cpus();
	loaded->per_cpu = calloc(loaded->cpus, sizeof(*loaded->per_cpu));
	loaded->meta = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, meta, 0);
	if (loaded->meta == MAP_FAILED)
		loaded->meta = NULL;
	return loaded->per_cpu && loaded->meta ? 0 : -ENOMEM;
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
	if (loaded->meta)
		munmap(loaded->meta, getpagesize());
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

void loaded_publish(struct loaded *loaded, const struct xrl_class *class)
{
	__u32 generation = loaded->meta->generation + 1, copy = generation & 1;

	must(!bpf_map_update_elem(loaded->classes, &copy, class, BPF_ANY), "classes");
	store_generation(loaded, generation);
}

void loaded_renew(const struct loaded *loaded, struct xrl_class *class)
{
	for (__u32 i = 0; i < XRL_WINDOWS; i++)
		class->limits[i].since_generation = loaded->meta->generation + 1;
}

void loaded_permit(struct loaded *loaded, struct xrl_address source, __u64 until_boot_ns)
{
	struct xrl_permit permit = {.until_boot_ns = until_boot_ns};

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
