// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/maps_create.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "user/datapath/gate.h"
#include "user/datapath/pin_dir.h"
#include "user/datapath/program.h"
#include "user/datapath/skeleton.h"
#include "user/policy/gate.h"

static const __u32 zero;

/* Copies the permits of a pinned map of another size or version: their layout never changes. */
static enum exit_code carry_permits(const struct maps *maps)
{
	struct xrl_address address, *previous = NULL;
	struct xrl_permit permit;
	pin_path path;
	int old, failed = 0;

	pin_path_of_map(path, maps->pin_dir, map_names[MAP_PERMITS]);
	old = pin_dir_open_map(path, BPF_MAP_TYPE_HASH, sizeof(address), sizeof(permit), 0);
	if (old == -ENOENT)
		return EXIT_DONE;
	while (old >= 0 && !failed && !bpf_map_get_next_key(old, previous, &address)) {
		previous = &address;
		if (!bpf_map_lookup_elem(old, &address, &permit))
			failed = bpf_map_update_elem(maps->fds[MAP_PERMITS], &address, &permit,
			                             BPF_ANY);
	}
	if (old < 0 || failed)
		return fail(
			EXIT_FAILED, NULL,
			"cannot carry over the permits of the other version; nothing was changed");
	close(old);
	return EXIT_DONE;
}

/* Creates the missing maps from the definitions in the program's object file. */
static enum exit_code make_maps(struct maps *maps, __u32 sources, __u32 permits)
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
	bpf_map__set_max_entries(skeleton->maps.gate, gate_sets(sources));
	error = program_use_maps(maps, skeleton);
	failed = error ? 0 : xdp_ratelimit_bpf__load(skeleton);
	if (failed)
		error = fail(EXIT_FAILED,
		             "reduce their number with --sources N: that takes less memory",
		             "the kernel rejected the maps for %u sources: %s", sources,
		             strerror(-failed));
	for (int i = 0; i < MAP_IDS && !error; i++) {
		struct bpf_map *map =
			bpf_object__find_map_by_name(skeleton->obj, map_object_names[i]);

		if (maps->fds[i] >= 0)
			continue;
		maps->fds[i] = dup(bpf_map__fd(map));
		maps->created[i] = true;
	}
	xdp_ratelimit_bpf__destroy(skeleton);
	return error;
}

enum exit_code maps_create_missing(struct maps *maps, __u32 sources, __u32 permits)
{
	const struct xrl_meta meta = {.abi_version = XRL_ABI_VERSION};
	enum exit_code error = make_maps(maps, sources, permits);

	if (error)
		return error;
	if (maps->created[MAP_META] &&
	    bpf_map_update_elem(maps->fds[MAP_META], &zero, &meta, BPF_ANY))
		return fail(EXIT_FAILED, NULL, "cannot write the map meta: %m");
	if (maps->created[MAP_FLOOD])
		error = gate_init(maps, sources);
	if (!error && maps->created[MAP_PERMITS] && maps->incompatible)
		error = carry_permits(maps);
	if (!error && maps->created[MAP_FLOOD])
		error = gate_add_permits(maps);
	return error;
}

static enum exit_code pin_map(const struct maps *maps, enum map_id map)
{
	pin_path path;
	int error;

	pin_path_of_map(path, maps->pin_dir, map_names[map]);
	error = pin_dir_replace(maps->fds[map], path);
	return error ? fail(EXIT_FAILED, NULL, "cannot pin %s: %s", path, strerror(-error))
	             : EXIT_DONE;
}

enum exit_code maps_create_pins(struct maps *maps)
{
	enum exit_code error = EXIT_DONE;

	for (int i = 0; i < MAP_IDS && !error; i++)
		if (maps->created[i])
			error = pin_map(maps, i);
	return error;
}
