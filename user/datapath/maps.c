// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/maps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "include/address.h"
#include "include/bucket.h"
#include "include/permit.h"
#include "user/datapath/pin_dir.h"
#include "user/policy/gate.h"
#include "user/util/clock.h"

static const struct {
	enum bpf_map_type type;
	__u32 key_size, value_size, max_entries;
} layouts[MAP_IDS] = {
	[MAP_BUCKETS] = {BPF_MAP_TYPE_LRU_HASH, sizeof(struct xrl_address),
                         sizeof(struct xrl_bucket), 0},
	[MAP_PERMITS] = {BPF_MAP_TYPE_HASH, sizeof(struct xrl_address), sizeof(struct xrl_permit),
                         0},
	[MAP_CLASSES] = {BPF_MAP_TYPE_ARRAY, sizeof(__u32), XRL_COPIES * sizeof(struct xrl_policy),
                         1},
	[MAP_META] = {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct xrl_meta), 1},
	[MAP_REDIRECTS] = {BPF_MAP_TYPE_DEVMAP, sizeof(__u32), sizeof(__u32),
                           XRL_COPIES *XRL_MAX_CLASSES},
	[MAP_CIDRS] = {BPF_MAP_TYPE_ARRAY_OF_MAPS, sizeof(__u32), sizeof(__u32), XRL_COPIES + 1},
	[MAP_SCOPED_BUCKETS] = {BPF_MAP_TYPE_ARRAY_OF_MAPS, sizeof(__u32), sizeof(__u32),
                                XRL_COPIES},
	[MAP_PROTECTED_PORTS] = {BPF_MAP_TYPE_ARRAY, sizeof(__u32),
                                 XRL_COPIES * sizeof(struct xrl_ports), 1},
	[MAP_CLASS_BUCKETS] = {BPF_MAP_TYPE_ARRAY, sizeof(__u32),
                               XRL_CLASS_BUCKETS * sizeof(struct xrl_class_bucket), 1},
	[MAP_GATE] = {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct xrl_gate_line), 0},
	[MAP_FLOOD] = {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct xrl_flood_state), 1},
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

static void close_map(struct maps *maps, int map)
{
	if (maps->fds[map] >= 0)
		close(maps->fds[map]);
	maps->fds[map] = -1;
}

/* The gate's state describes the sources of one map of buckets. */
static bool belongs_to_buckets(int map)
{
	return map == MAP_BUCKETS || map == MAP_GATE || map == MAP_FLOOD;
}

/* Whether all maps of a policy are open. */
static bool has_policy_maps(const struct maps *maps)
{
	for (int i = 0; i < MAP_IDS; i++)
		if (!belongs_to_buckets(i) && i != MAP_PERMITS && maps->fds[i] < 0)
			return false;
	return true;
}

/* Whether the gate belongs to this many buckets: a command that replaced the maps may have been
 * killed between their pins. */
static bool is_gate_of(const struct maps *maps, __u32 sources)
{
	struct xrl_flood_state *flood = maps_mmap(maps, MAP_FLOOD, false);
	bool is_its = flood && flood->sources == sources && flood->lines == gate_sets(sources);

	maps_munmap(flood, MAP_FLOOD);
	return is_its && map_size(maps->fds[MAP_GATE], BPF_MAP_TYPE_ARRAY) == gate_sets(sources);
}

/* Closes the gate of other buckets. */
static void drop_other_gate(struct maps *maps)
{
	if (maps->fds[MAP_BUCKETS] >= 0 && is_gate_of(maps, maps_sources(maps)))
		return;
	close_map(maps, MAP_GATE);
	close_map(maps, MAP_FLOOD);
}

/* Closes the maps of another version, but for the permits, whose layout never changes. */
static void drop_other_version(struct maps *maps)
{
	struct xrl_meta meta;

	if (maps->fds[MAP_BUCKETS] < 0 && maps->fds[MAP_META] < 0)
		return;
	/* without a complete policy, the windows in the buckets have no meaning */
	if (has_policy_maps(maps) && !bpf_map_lookup_elem(maps->fds[MAP_META], &zero, &meta) &&
	    meta.abi_version == XRL_ABI_VERSION)
		return;
	for (int i = 0; i < MAP_IDS; i++)
		if (i != MAP_PERMITS)
			close_map(maps, i);
	maps->resized = false;
	maps->incompatible = true;
}

/* Distinguishes maps of another size from those of another version. */
static void note_other_layout(struct maps *maps, int map, const char *path)
{
	int fd = map == MAP_BUCKETS
	                 ? pin_dir_open_map(path, layouts[map].type, layouts[map].key_size,
	                                    layouts[map].value_size, 0)
	                 : -1;

	if (map == MAP_PERMITS) /* of any size: their layout never changes */
		maps->permits_resized = true;
	else
		maps->resized = fd >= 0;
	maps->incompatible = true;
	if (fd >= 0)
		close(fd);
}

void maps_open(struct maps *maps, const char *pin_dir, __u32 sources, __u32 permits)
{
	*maps = (struct maps){.pin_dir = pin_dir};
	for (int i = 0; i < MAP_IDS; i++) {
		__u32 max_entries = i == MAP_BUCKETS   ? sources
		                    : i == MAP_PERMITS ? permits
		                                       : layouts[i].max_entries;
		pin_path path;

		pin_path_of_map(path, pin_dir, map_names[i]);
		maps->fds[i] = pin_dir_open_map(path, layouts[i].type, layouts[i].key_size,
		                                layouts[i].value_size, max_entries);
		if (maps->fds[i] == -ESTALE)
			note_other_layout(maps, i, path);
		if (maps->fds[i] < 0)
			maps->fds[i] = -1;
	}
	drop_other_version(maps);
	drop_other_gate(maps);
}

enum exit_code maps_check_attached(const struct maps *maps, int interface_count)
{
	if (interface_count <= 0)
		return fail(EXIT_NOT_FOUND, "xdp-ratelimit attach IF",
		            "the limiter is not attached to any interface (pin directory %s)",
		            maps->pin_dir);
	if (maps->incompatible)
		return fail(EXIT_FAILED,
		            "run attach again with this version: it replaces the program in place "
		            "and keeps the permits",
		            "the maps in %s are of another version of xdp-ratelimit",
		            maps->pin_dir);
	return EXIT_DONE;
}

enum exit_code maps_open_attached(struct maps *maps, const char *pin_dir)
{
	char(*interfaces)[IF_NAMESIZE];
	int count = pin_dir_list_interfaces(pin_dir, &interfaces);

	free(interfaces);
	maps_open(maps, pin_dir, 0, 0);
	return maps_check_attached(maps, count);
}

void maps_clear(struct maps *maps, const char *pin_dir)
{
	*maps = (struct maps){.pin_dir = pin_dir};
	for (int i = 0; i < MAP_IDS; i++)
		maps->fds[i] = -1;
}

void maps_close(struct maps *maps)
{
	if (maps->policies)
		munmap(maps->policies, XRL_COPIES * sizeof(*maps->policies));
	maps->policies = NULL;
	for (int i = 0; i < MAP_IDS; i++)
		close_map(maps, i);
}

void *maps_mmap(const struct maps *maps, enum map_id map, bool to_write)
{
	void *memory;

	if (maps->fds[map] < 0) {
		errno = ENOENT;
		return NULL;
	}
	memory = mmap(NULL, layouts[map].value_size, to_write ? PROT_READ | PROT_WRITE : PROT_READ,
	              MAP_SHARED, maps->fds[map], 0);
	return memory == MAP_FAILED ? NULL : memory;
}

void maps_munmap(void *memory, enum map_id map)
{
	if (memory)
		munmap(memory, layouts[map].value_size);
}

bool maps_take_permits(const struct maps *maps)
{
	return maps->fds[MAP_PERMITS] >= 0 && maps->fds[MAP_META] >= 0;
}

__u32 maps_sources(const struct maps *maps)
{
	return map_size(maps->fds[MAP_BUCKETS], BPF_MAP_TYPE_LRU_HASH);
}

__u32 maps_permit_room(const struct maps *maps)
{
	return map_size(maps->fds[MAP_PERMITS], BPF_MAP_TYPE_HASH);
}

unsigned int maps_count_permits(const struct maps *maps)
{
	struct xrl_address address, *previous = NULL;
	__u64 now_ns = clock_boot_ns();
	struct xrl_permit permit;
	unsigned int count = 0;

	if (maps->fds[MAP_PERMITS] < 0)
		return 0;
	while (!bpf_map_get_next_key(maps->fds[MAP_PERMITS], previous, &address)) {
		previous = &address;
		if (!bpf_map_lookup_elem(maps->fds[MAP_PERMITS], &address, &permit) &&
		    permit.until_boot_ns > now_ns)
			count++;
	}
	return count;
}

bool maps_may_hold_permits(const struct maps *maps)
{
	pin_path path;

	if (maps->fds[MAP_PERMITS] >= 0)
		return maps_count_permits(maps) > 0;
	pin_path_of_map(path, maps->pin_dir, map_names[MAP_PERMITS]);
	return !access(path, F_OK);
}

static __u32 pinned_size(const char *pin_dir, enum map_id map)
{
	pin_path path;
	__u32 size;
	int fd;

	pin_path_of_map(path, pin_dir, map_names[map]);
	fd = bpf_obj_get(path);
	size = map_size(fd, layouts[map].type);
	if (fd >= 0)
		close(fd);
	return size;
}

__u32 maps_pinned_sources(const char *pin_dir)
{
	return pinned_size(pin_dir, MAP_BUCKETS);
}

__u32 maps_pinned_permit_room(const char *pin_dir)
{
	return pinned_size(pin_dir, MAP_PERMITS);
}
