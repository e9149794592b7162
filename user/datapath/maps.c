// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/maps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "user/util/clock.h"
#include "user/policy/gate.h"
#include "user/datapath/gate.h"
#include "user/datapath/skeleton.h"

static const struct {
	enum bpf_map_type type;
	__u32 key_size, value_size, max_entries;
} layouts[SHARED_MAPS] = {
	[SHARED_BUCKETS] = {BPF_MAP_TYPE_LRU_HASH, sizeof(struct xrl_address),
                            sizeof(struct xrl_bucket), 0},
	[SHARED_PERMITS] = {BPF_MAP_TYPE_HASH, sizeof(struct xrl_address),
                            sizeof(struct xrl_permit), 0},
	[SHARED_CLASSES] = {BPF_MAP_TYPE_ARRAY, sizeof(__u32),
                            XRL_COPIES * sizeof(struct xrl_policy), 1},
	[SHARED_META] = {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct xrl_meta), 1},
	[SHARED_REDIRECTS] = {BPF_MAP_TYPE_DEVMAP, sizeof(__u32), sizeof(__u32),
                              XRL_COPIES *XRL_MAX_CLASSES},
	[SHARED_CIDRS] = {BPF_MAP_TYPE_ARRAY_OF_MAPS, sizeof(__u32), sizeof(__u32), XRL_COPIES + 1},
	[SHARED_SEPARATE_BUCKETS] = {BPF_MAP_TYPE_ARRAY_OF_MAPS, sizeof(__u32), sizeof(__u32),
                                     XRL_COPIES},
	[SHARED_PROTECTED_PORTS] = {BPF_MAP_TYPE_ARRAY, sizeof(__u32),
                                    XRL_COPIES * sizeof(struct xrl_ports), 1},
	[SHARED_CLASS_BUCKETS] = {BPF_MAP_TYPE_ARRAY, sizeof(__u32),
                                  XRL_CLASS_BUCKETS * sizeof(struct xrl_class_bucket), 1},
	[SHARED_GATE] = {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct xrl_gate_line), 0},
	[SHARED_FLOOD] = {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct xrl_flood_state), 1},
};

static const __u32 zero;

static __u32 map_size(int fd, enum bpf_map_type type)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) || info.type != type)
		return 0;
	return info.max_entries;
}

static void close_map(struct instance *instance, int map)
{
	if (instance->maps[map] >= 0)
		close(instance->maps[map]);
	instance->maps[map] = -1;
}

/* What the gate knows is about the sources of one map of buckets. */
static bool belongs_to_buckets(int map)
{
	return map == SHARED_BUCKETS || map == SHARED_GATE || map == SHARED_FLOOD;
}

/* Whether all of a policy is there. */
static bool has_policy_maps(const struct instance *instance)
{
	for (int i = 0; i < SHARED_MAPS; i++)
		if (!belongs_to_buckets(i) && i != SHARED_PERMITS && instance->maps[i] < 0)
			return false;
	return true;
}

/* The state of the gate says for how many buckets it is: a command that made other ones may have
 * been killed between their pins. */
static bool is_gate_of(const struct instance *instance, __u32 sources)
{
	struct xrl_flood_state *flood = instance_map_memory(instance, SHARED_FLOOD, false);
	bool is_its = flood && flood->sources == sources && flood->lines == flood_lines(sources);

	instance_unmap_memory(flood, SHARED_FLOOD);
	return is_its &&
	       map_size(instance->maps[SHARED_GATE], BPF_MAP_TYPE_ARRAY) == flood_lines(sources);
}

/* The gate of other buckets goes with them. */
static void drop_other_gate(struct instance *instance)
{
	if (instance->maps[SHARED_BUCKETS] >= 0 && is_gate_of(instance, instance_sources(instance)))
		return;
	close_map(instance, SHARED_GATE);
	close_map(instance, SHARED_FLOOD);
}

/* Of another version: only permits have a layout that is kept for ever. */
static void drop_other_version(struct instance *instance)
{
	struct xrl_meta meta;

	if (instance->maps[SHARED_BUCKETS] < 0 && instance->maps[SHARED_META] < 0)
		return;
	/* without all of it, nobody knows what the windows in the buckets mean */
	if (has_policy_maps(instance) &&
	    !bpf_map_lookup_elem(instance->maps[SHARED_META], &zero, &meta) &&
	    meta.abi_version == XRL_ABI_VERSION)
		return;
	for (int i = 0; i < SHARED_MAPS; i++)
		if (i != SHARED_PERMITS)
			close_map(instance, i);
	instance->resized = false;
	instance->other_layout = true;
}

/* The buckets of another number of sources are no other version. */
static void note_other_layout(struct instance *instance, int map, const char *path)
{
	int fd = map == SHARED_BUCKETS
	                 ? pins_open_map(path, layouts[map].type, layouts[map].key_size,
	                                 layouts[map].value_size, 0)
	                 : -1;

	if (map == SHARED_PERMITS) /* of whatever size: their layout is kept for ever */
		instance->permits_resized = true;
	else
		instance->resized = fd >= 0;
	instance->other_layout = true;
	if (fd >= 0)
		close(fd);
}

void instance_open(struct instance *instance, const char *pin_dir, __u32 sources, __u32 permits)
{
	*instance = (struct instance){.pin_dir = pin_dir};
	for (int i = 0; i < SHARED_MAPS; i++) {
		__u32 max_entries = i == SHARED_BUCKETS   ? sources
		                    : i == SHARED_PERMITS ? permits
		                                          : layouts[i].max_entries;
		pin_path path;

		pins_shared_path(path, pin_dir, shared_map_names[i]);
		instance->maps[i] = pins_open_map(path, layouts[i].type, layouts[i].key_size,
		                                  layouts[i].value_size, max_entries);
		if (instance->maps[i] == -ESTALE)
			note_other_layout(instance, i, path);
		if (instance->maps[i] < 0)
			instance->maps[i] = -1;
	}
	drop_other_version(instance);
	drop_other_gate(instance);
}

void instance_close(struct instance *instance)
{
	if (instance->policies)
		munmap(instance->policies, XRL_COPIES * sizeof(*instance->policies));
	instance->policies = NULL;
	for (int i = 0; i < SHARED_MAPS; i++)
		close_map(instance, i);
}

/* The permits of a map of another size. Their layout is kept for ever. */
static enum exit_code carry_permits(const struct instance *instance)
{
	struct xrl_address address, *previous = NULL;
	struct xrl_permit permit;
	pin_path path;
	int old, failed = 0;

	pins_shared_path(path, instance->pin_dir, shared_map_names[SHARED_PERMITS]);
	old = pins_open_map(path, BPF_MAP_TYPE_HASH, sizeof(address), sizeof(permit), 0);
	if (old == -ENOENT)
		return EXIT_DONE;
	while (old >= 0 && !failed && !bpf_map_get_next_key(old, previous, &address)) {
		previous = &address;
		if (!bpf_map_lookup_elem(old, &address, &permit))
			failed = bpf_map_update_elem(instance->maps[SHARED_PERMITS], &address,
			                             &permit, BPF_ANY);
	}
	if (old < 0 || failed)
		return fail(EXIT_FAILED, NULL,
		            "the permits of the other version can't be carried over; nothing was "
		            "changed");
	close(old);
	return EXIT_DONE;
}

static enum exit_code reuse_map(struct bpf_map *map, int fd)
{
	int error = fd >= 0 ? bpf_map__reuse_fd(map, fd) : 0;

	return error ? fail(EXIT_FAILED, NULL, "cannot use the pinned map %s: %s",
	                    bpf_map__name(map), strerror(-error))
	             : EXIT_DONE;
}

enum exit_code instance_reuse(const struct instance *instance, struct xdp_ratelimit_bpf *skeleton)
{
	for (int i = 0; i < SHARED_MAPS; i++) {
		struct bpf_map *map =
			bpf_object__find_map_by_name(skeleton->obj, shared_map_objects[i]);
		enum exit_code error = reuse_map(map, instance->maps[i]);

		if (error)
			return error;
	}
	return EXIT_DONE;
}

/* Makes the maps that are missing, from the definitions in the program's own file. */
static enum exit_code make_maps(struct instance *instance, __u32 sources, __u32 permits)
{
	struct xdp_ratelimit_bpf *skeleton = xdp_ratelimit_bpf__open();
	enum exit_code error;
	int failed;

	if (!skeleton)
		return fail(EXIT_FAILED, NULL, "cannot read the program in this binary: %m");
	bpf_program__set_autoload(skeleton->progs.xdp_ratelimit, false);
	bpf_program__set_autoload(skeleton->progs.xdp_ratelimit_s, false);
	bpf_map__set_max_entries(skeleton->maps.buckets, sources);
	bpf_map__set_max_entries(skeleton->maps.permits, permits);
	bpf_map__set_max_entries(skeleton->maps.gate, flood_lines(sources));
	error = instance_reuse(instance, skeleton);
	failed = error ? 0 : xdp_ratelimit_bpf__load(skeleton);
	if (failed)
		error = fail(EXIT_FAILED, "fewer with --sources N need less memory",
		             "the kernel refused the maps for %u sources: %s", sources,
		             strerror(-failed));
	for (int i = 0; i < SHARED_MAPS && !error; i++) {
		struct bpf_map *map =
			bpf_object__find_map_by_name(skeleton->obj, shared_map_objects[i]);

		if (instance->maps[i] >= 0)
			continue;
		instance->maps[i] = dup(bpf_map__fd(map));
		instance->fresh[i] = true;
	}
	xdp_ratelimit_bpf__destroy(skeleton);
	return error;
}

enum exit_code instance_complete(struct instance *instance, __u32 sources, __u32 permits)
{
	const struct xrl_meta meta = {.abi_version = XRL_ABI_VERSION};
	enum exit_code error = make_maps(instance, sources, permits);

	if (error)
		return error;
	if (instance->fresh[SHARED_META] &&
	    bpf_map_update_elem(instance->maps[SHARED_META], &zero, &meta, BPF_ANY))
		return fail(EXIT_FAILED, NULL, "cannot write the map meta: %m");
	if (instance->fresh[SHARED_FLOOD])
		error = gate_begin(instance, sources);
	if (!error && instance->fresh[SHARED_PERMITS] && instance->other_layout)
		error = carry_permits(instance);
	if (!error && instance->fresh[SHARED_FLOOD])
		error = gate_tell_permits(instance);
	return error;
}

static enum exit_code pin_map(const struct instance *instance, enum shared_map map)
{
	pin_path path;
	int error;

	pins_shared_path(path, instance->pin_dir, shared_map_names[map]);
	error = pins_replace(instance->maps[map], path);
	return error ? fail(EXIT_FAILED, NULL, "cannot pin %s: %s", path, strerror(-error))
	             : EXIT_DONE;
}

enum exit_code instance_pin(struct instance *instance)
{
	enum exit_code error = EXIT_DONE;

	for (int i = 0; i < SHARED_MAPS && !error; i++)
		if (instance->fresh[i])
			error = pin_map(instance, i);
	return error;
}

static bool read_meta(const struct instance *instance, struct xrl_meta *meta)
{
	return instance->maps[SHARED_META] >= 0 &&
	       !bpf_map_lookup_elem(instance->maps[SHARED_META], &zero, meta);
}

void *instance_map_memory(const struct instance *instance, enum shared_map map, bool to_write)
{
	void *memory;

	if (instance->maps[map] < 0) {
		errno = ENOENT;
		return NULL;
	}
	memory = mmap(NULL, layouts[map].value_size, to_write ? PROT_READ | PROT_WRITE : PROT_READ,
	              MAP_SHARED, instance->maps[map], 0);
	return memory == MAP_FAILED ? NULL : memory;
}

void instance_unmap_memory(void *memory, enum shared_map map)
{
	if (memory)
		munmap(memory, layouts[map].value_size);
}

const struct xrl_policy *instance_policy(struct instance *instance, __u32 *generation)
{
	struct xrl_meta meta;

	*generation = 0;
	if (!read_meta(instance, &meta) || !meta.generation)
		return NULL;
	if (!instance->policies)
		instance->policies = instance_map_memory(instance, SHARED_CLASSES, false);
	if (!instance->policies)
		return NULL;
	*generation = meta.generation;
	return &instance->policies[meta.generation & 1];
}

__u32 instance_redirect(const struct instance *instance, __u32 generation, __u32 class_number)
{
	__u32 key = (generation & 1) * XRL_MAX_CLASSES + class_number, ifindex = 0;

	bpf_map_lookup_elem(instance->maps[SHARED_REDIRECTS], &key, &ifindex);
	return ifindex;
}

bool instance_has_policy(const struct instance *instance)
{
	struct xrl_meta meta;

	return read_meta(instance, &meta) && meta.generation;
}

bool instance_lacks_policy(const struct instance *instance)
{
	struct xrl_meta meta;

	return read_meta(instance, &meta) && !meta.generation;
}

/* 0 says that there is no policy yet, so it is left out when the count goes round. */
__u32 instance_next_generation(__u32 generation, __u32 step)
{
	__u32 next = generation + step;

	return next ? next : next + 2;
}

/* One atomic step, which no CPU can see half of; a write by system call promises less. */
int instance_bump_generation(const struct instance *instance, __u32 step)
{
	struct xrl_meta *meta = instance_map_memory(instance, SHARED_META, true);
	__u32 generation;

	if (!meta)
		return -errno;
	generation = __atomic_load_n(&meta->generation, __ATOMIC_SEQ_CST);
	while (!__atomic_compare_exchange_n(&meta->generation, &generation,
	                                    instance_next_generation(generation, step), false,
	                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	instance_unmap_memory(meta, SHARED_META);
	return 0;
}

__u64 instance_store_change(const struct instance *instance)
{
	struct xrl_meta meta;

	return read_meta(instance, &meta) ? meta.store_change : 0;
}

/* By a store into memory, too: a system call would write the generation as it was. */
int instance_set_store_change(const struct instance *instance, __u64 change)
{
	struct xrl_meta *meta = instance_map_memory(instance, SHARED_META, true);

	if (!meta)
		return -errno;
	__atomic_store_n(&meta->store_change, change, __ATOMIC_SEQ_CST);
	instance_unmap_memory(meta, SHARED_META);
	return 0;
}

bool instance_takes_permits(const struct instance *instance)
{
	return instance->maps[SHARED_PERMITS] >= 0 && instance->maps[SHARED_META] >= 0;
}

enum exit_code instance_open_attached(struct instance *instance, const char *pin_dir)
{
	char(*interfaces)[IF_NAMESIZE];
	int count = pins_list_interfaces(pin_dir, &interfaces);

	free(interfaces);
	instance_open(instance, pin_dir, 0, 0);
	if (count <= 0)
		return fail(EXIT_NOT_FOUND, "xdp-ratelimit attach IF",
		            "the limiter is not attached to any interface (pin directory %s)",
		            pin_dir);
	if (instance->other_layout)
		return fail(EXIT_FAILED,
		            "run attach again with this version: it replaces the "
		            "program in place and keeps the permits",
		            "the maps in %s are of another version of xdp-ratelimit", pin_dir);
	return EXIT_DONE;
}

__u32 instance_sources(const struct instance *instance)
{
	return map_size(instance->maps[SHARED_BUCKETS], BPF_MAP_TYPE_LRU_HASH);
}

__u32 instance_permit_room(const struct instance *instance)
{
	return map_size(instance->maps[SHARED_PERMITS], BPF_MAP_TYPE_HASH);
}

unsigned int instance_count_permits(const struct instance *instance)
{
	struct xrl_address address, *previous = NULL;
	__u64 now_ns = clock_boot_ns();
	struct xrl_permit permit;
	unsigned int count = 0;

	if (instance->maps[SHARED_PERMITS] < 0)
		return 0;
	while (!bpf_map_get_next_key(instance->maps[SHARED_PERMITS], previous, &address)) {
		previous = &address;
		if (!bpf_map_lookup_elem(instance->maps[SHARED_PERMITS], &address, &permit) &&
		    permit.until_boot_ns > now_ns)
			count++;
	}
	return count;
}

bool instance_has_permits(const struct instance *instance)
{
	pin_path path;

	if (instance->maps[SHARED_PERMITS] >= 0)
		return instance_count_permits(instance) > 0;
	pins_shared_path(path, instance->pin_dir, shared_map_names[SHARED_PERMITS]);
	return !access(path, F_OK);
}

static __u32 pinned_size(const char *pin_dir, enum shared_map map)
{
	pin_path path;
	__u32 size;
	int fd;

	pins_shared_path(path, pin_dir, shared_map_names[map]);
	fd = bpf_obj_get(path);
	size = map_size(fd, layouts[map].type);
	if (fd >= 0)
		close(fd);
	return size;
}

__u32 instance_pinned_sources(const char *pin_dir)
{
	return pinned_size(pin_dir, SHARED_BUCKETS);
}

__u32 instance_pinned_permit_room(const char *pin_dir)
{
	return pinned_size(pin_dir, SHARED_PERMITS);
}
