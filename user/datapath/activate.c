// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/activate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <net/if.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "user/datapath/cidr_map.h"
#include "user/datapath/generation.h"
#include "user/datapath/inner_map.h"
#include "user/policy/gate.h"
#include "user/policy/merge.h"
#include "user/util/failpoint.h"
#include "user/util/xalloc.h"

/* A smaller LRU map holds far fewer entries than its size (see policy_parse_max_sources()). */
#define MIN_ENTRIES_PER_CPU 256

/* There are two copies of everything. The inactive one is written, map by map, and then one store
 * of the generation swaps their roles. A process that is killed before that has changed nothing
 * that a program reads, and the next one writes the whole copy again. */
struct activation {
	struct maps *maps;
	struct policy *policy;
	const struct xrl_policy *old; /* NULL: none */
	__u32 old_generation, generation, copy;
	struct policy_merge merge;
};

static enum exit_code cannot_write(const char *map, int error)
{
	return fail(EXIT_FAILED, NULL, "cannot write the map %s: %s; nothing was changed", map,
	            strerror(error));
}

static enum exit_code merge(struct activation *activation)
{
	if (!policy_merge(activation->policy, activation->old, activation->generation,
	                  &activation->merge))
		return EXIT_DONE;
	return fail(EXIT_FAILED,
	            "first reload a policy without the 'scope class' limits you are removing",
	            "there are only %d buckets for limits with 'scope class', and those of the "
	            "active policy are in use until it is replaced; nothing was changed",
	            XRL_CLASS_BUCKETS);
}

/* ---- whether anything has changed ---- */

/* The number of scoped buckets needed, by source or prefix. 0: no limit needs any. */
static __u32 needed_scoped_entries(const struct activation *activation)
{
	__u64 sources = maps_sources(activation->maps), sum = 0, least;

	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++) {
		const struct xrl_class *class = &activation->policy->compiled->classes[i];

		for (__u32 j = 0; j < class->separate_count; j++) {
			__u32 bits = class->separate[j].scope_bits;
			__u64 prefixes = 1ULL << bits;

			if (bits != XRL_SCOPE_CLASS)
				sum += prefixes < sources ? prefixes : sources;
		}
	}
	least = MIN_ENTRIES_PER_CPU * (__u64)libbpf_num_possible_cpus();
	if (!sum)
		return 0;
	sum = sum < sources ? sum : sources;
	return sum > least ? sum : least;
}

static bool same_ports(const struct activation *activation)
{
	const struct xrl_ports *ports = maps_mmap(activation->maps, MAP_PROTECTED_PORTS, false);
	bool same = ports && !memcmp(&ports[activation->old_generation & 1],
	                             &activation->policy->protected_ports, sizeof(*ports));

	maps_munmap((void *)ports, MAP_PROTECTED_PORTS);
	return same;
}

static bool same_redirects(const struct activation *activation)
{
	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++)
		if (generation_redirect(activation->maps, activation->old_generation, i) !=
		    activation->policy->redirects[i])
			return false;
	return true;
}

/* CIDRs come only from a file, and the comparison includes its hash. */
static bool is_active(const struct activation *activation)
{
	const struct xrl_policy *old = activation->old;
	struct xrl_policy *new = activation->policy->compiled;

	if (!old)
		return false;
	new->since_unix_seconds = old->since_unix_seconds;
	new->separate_entries = old->separate_entries;
	return !memcmp(new, old, sizeof(*new)) && same_ports(activation) &&
	       same_redirects(activation) &&
	       needed_scoped_entries(activation) <= old->separate_entries;
}

/* ---- the parts of the copy ---- */

/* Removes the CIDRs of the policy before the active one first, so that there are never three maps.
 */
static enum exit_code write_cidrs(const struct activation *activation)
{
	const struct policy *policy = activation->policy;
	int error = inner_map_set(activation->maps, INNER_CIDRS, activation->copy, -1), map;

	if (error)
		return cannot_write("cidrs", -error);
	if (!policy->cidr_count)
		return EXIT_DONE;
	map = cidr_map_make(policy);
	failpoint("cidrs_made");
	if (map < 0)
		return fail(EXIT_FAILED, NULL,
		            "the kernel rejected a map of %zu CIDRs: %s; nothing was changed",
		            policy->cidr_count, strerror(-map));
	error = inner_map_set(activation->maps, INNER_CIDRS, activation->copy, map);
	close(map);
	return error ? cannot_write("cidrs", -error) : EXIT_DONE;
}

/* The active map, if it is large enough, so that state is kept; else a new one. A temporary failure
 * is no reason to lose state. */
static int choose_scoped(const struct activation *activation, __u32 wanted)
{
	int map = activation->old ? inner_map_open(activation->maps, INNER_SCOPED,
	                                           activation->old_generation & 1)
	                          : -ENOENT;
	__u32 size = inner_map_size(map);
	int error;

	if (map >= 0 && size >= wanted)
		return map;
	if (map >= 0)
		close(map);
	if (map >= 0 && !size)
		return -ENOMEM;
	if (map < 0 && map != -ENOENT && map != -EPERM)
		return map;
	if (map != -ENOENT)
		warn("the buckets of limits with an endpoint or for a prefix are empty again: %s",
		     map >= 0 ? "the policy needs more of them"
		              : "this process may not open their map");
	/* remove the map of the older policy first, to free its memory */
	error = inner_map_set(activation->maps, INNER_SCOPED, activation->copy, -1);
	return error ? error : inner_map_make(INNER_SCOPED, wanted);
}

static enum exit_code write_scoped(const struct activation *activation)
{
	__u32 wanted = needed_scoped_entries(activation);
	int map = wanted ? choose_scoped(activation, wanted) : -1, error;

	if (wanted && map < 0)
		return fail(EXIT_FAILED, "fewer sources take less memory",
		            "the kernel rejected a map of %u buckets for limits with an endpoint "
		            "or for a prefix: %s; nothing was changed",
		            wanted, strerror(-map));
	activation->policy->compiled->separate_entries = inner_map_size(map);
	error = inner_map_set(activation->maps, INNER_SCOPED, activation->copy, map);
	if (map >= 0)
		close(map);
	return error ? cannot_write("separate_buckets", -error) : EXIT_DONE;
}

static enum exit_code rejected_redirect(const struct activation *activation, __u32 number)
{
	__u32 ifindex = activation->policy->redirects[number];
	char interface[IF_NAMESIZE] = "that interface";
	int error = errno;

	if_indextoname(ifindex, interface);
	return fail(EXIT_FAILED, "its driver must support the target side of XDP redirects",
	            "the kernel rejected the redirect to %s: %s; nothing was changed", interface,
	            strerror(error));
}

static enum exit_code write_redirects(const struct activation *activation)
{
	int map = activation->maps->fds[MAP_REDIRECTS];

	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++) {
		__u32 key = activation->copy * XRL_MAX_CLASSES + i;
		const __u32 *ifindex = &activation->policy->redirects[i];

		if (!*ifindex)
			bpf_map_delete_elem(map, &key);
		else if (bpf_map_update_elem(map, &key, ifindex, BPF_ANY))
			return rejected_redirect(activation, i);
	}
	return EXIT_DONE;
}

/* Writes the variables of the program, through mapped memory. */
static enum exit_code write_variables(const struct activation *activation)
{
	const struct maps *maps = activation->maps;
	const struct policy *policy = activation->policy;
	struct xrl_policy *policies = maps_mmap(maps, MAP_CLASSES, true);
	struct xrl_ports *ports = maps_mmap(maps, MAP_PROTECTED_PORTS, true);
	struct xrl_class_bucket *buckets = maps_mmap(maps, MAP_CLASS_BUCKETS, true);
	bool there = policies && ports && buckets;

	for (int i = 0; there && i < XRL_CLASS_BUCKETS; i++)
		if (activation->merge.is_new_slot[i])
			buckets[i] = (struct xrl_class_bucket){};
	if (there) {
		ports[activation->copy] = policy->protected_ports;
		memcpy(&policies[activation->copy], policy->compiled, sizeof(*policies));
	}
	maps_munmap(policies, MAP_CLASSES);
	maps_munmap(ports, MAP_PROTECTED_PORTS);
	maps_munmap(buckets, MAP_CLASS_BUCKETS);
	return there ? EXIT_DONE : cannot_write("classes", errno);
}

/* Waits first until no program runs that started while this copy was active, before the last
 * activation. Slots of class_buckets that only that policy used are free then, too. */
static enum exit_code write_copy(const struct activation *activation)
{
	int error = inner_map_wait(activation->maps);
	enum exit_code code = error ? cannot_write("cidrs", -error) : EXIT_DONE;

	if (!code)
		code = write_cidrs(activation);
	failpoint("cidrs_written");
	if (!code)
		code = write_scoped(activation);
	if (!code)
		code = write_redirects(activation);
	failpoint("redirects_written");
	activation->policy->compiled->since_unix_seconds = time(NULL);
	if (!code)
		code = write_variables(activation);
	failpoint("policy_written");
	return code;
}

enum exit_code activate_prepare(struct maps *maps, struct policy *policy, bool *must_commit)
{
	struct activation activation = {.maps = maps, .policy = policy};
	enum exit_code error;

	*must_commit = false;
	activation.old = generation_policy(maps, &activation.old_generation);
	/* otherwise this would write the active copy */
	if (!activation.old && !generation_lacks_policy(maps))
		return fail(EXIT_FAILED, "try again",
		            "cannot read the active policy; nothing was changed");
	activation.generation = generation_next(activation.old_generation, 1);
	activation.copy = activation.generation & 1;
	gate_derive(policy->compiled, maps_sources(maps));
	error = merge(&activation);
	if (error || is_active(&activation))
		return error;
	error = write_copy(&activation);
	*must_commit = !error;
	return error;
}

enum exit_code activate_commit(struct maps *maps)
{
	int failed = generation_bump(maps, 1);

	failpoint("policy_in_force");
	return failed ? cannot_write("meta", -failed) : EXIT_DONE;
}

enum exit_code activate_policy(struct maps *maps, struct policy *policy, bool *changed)
{
	bool must_commit;
	enum exit_code error = activate_prepare(maps, policy, &must_commit);

	if (!error && must_commit)
		error = activate_commit(maps);
	*changed = !error && must_commit;
	return error;
}

/* ---- the active policy ---- */

enum exit_code activate_copy_policy(struct maps *maps, struct policy *policy)
{
	const struct xrl_policy *active;
	const struct xrl_ports *ports;
	__u32 generation;
	int error;

	*policy = (struct policy){};
	active = generation_policy(maps, &generation);
	ports = maps_mmap(maps, MAP_PROTECTED_PORTS, false);
	if (!active || !ports)
		return fail(EXIT_FAILED, "run attach again to repair that",
		            "there is no policy in %s", maps->pin_dir);
	policy->compiled = xcalloc(1, sizeof(*policy->compiled));
	memcpy(policy->compiled, active, sizeof(*active));
	policy->protected_ports = ports[generation & 1];
	maps_munmap((void *)ports, MAP_PROTECTED_PORTS);
	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++)
		policy->redirects[i] = generation_redirect(maps, generation, i);
	error = cidr_map_read(maps, generation & 1, &policy->cidrs, &policy->cidr_count);
	if (!error && policy->cidr_count == policy->compiled->cidr_count)
		return EXIT_DONE;
	return fail(EXIT_FAILED, "name the policy's file with --config",
	            "cannot read the CIDRs of the active policy");
}
