// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "user/datapath/pin_dir.h"
#include "user/datapath/skeleton.h"

#define PROGRAM_NAME "xdp_ratelimit" /* and _s */

bool program_is_ours(const struct bpf_prog_info *program)
{
	return program->type == BPF_PROG_TYPE_XDP &&
	       !strncmp(program->name, PROGRAM_NAME, strlen(PROGRAM_NAME));
}

bool program_read(int fd, struct bpf_prog_info *program, __u32 *map_ids, __u32 count)
{
	__u32 size = sizeof(*program);

	*program = (struct bpf_prog_info){.nr_map_ids = count, .map_ids = (long)map_ids};
	return !bpf_obj_get_info_by_fd(fd, program, &size);
}

bool program_read_by_id(__u32 id, struct bpf_prog_info *program, __u32 *map_ids, __u32 count)
{
	int fd = bpf_prog_get_fd_by_id(id);
	bool ok = fd >= 0 && program_read(fd, program, map_ids, count);

	if (fd >= 0)
		close(fd);
	return ok;
}

int program_fd(const struct xdp_ratelimit_bpf *skeleton)
{
	int fd = bpf_program__fd(skeleton->progs.xdp_ratelimit);

	return fd >= 0 ? fd : bpf_program__fd(skeleton->progs.xdp_ratelimit_s);
}

static enum exit_code reuse_map(struct bpf_map *map, int fd)
{
	int error = fd >= 0 ? bpf_map__reuse_fd(map, fd) : 0;

	return error ? fail(EXIT_FAILED, NULL, "cannot use the pinned map %s: %s",
	                    bpf_map__name(map), strerror(-error))
	             : EXIT_DONE;
}

enum exit_code program_use_maps(const struct maps *maps, struct xdp_ratelimit_bpf *skeleton)
{
	for (int i = 0; i < MAP_IDS; i++) {
		struct bpf_map *map =
			bpf_object__find_map_by_name(skeleton->obj, map_object_names[i]);
		enum exit_code error = reuse_map(map, maps->fds[i]);

		if (error)
			return error;
	}
	return EXIT_DONE;
}

static int open_counters(const struct maps *maps, const char *interface)
{
	pin_path path;

	pin_path_of_link(path, maps->pin_dir, interface, "counters");
	return pin_dir_open_map(path, BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(__u32),
	                        sizeof(struct xrl_counters), 1);
}

/* The kernel takes only one of the two entry points. A program without a name could not be
 * recognized as ours: libbpf leaves the name out if it ran out of memory while probing whether the
 * kernel takes names. */
static int load_one(struct xdp_ratelimit_bpf *skeleton, bool frags)
{
	struct bpf_prog_info program;
	int error;

	bpf_program__set_autoload(skeleton->progs.xdp_ratelimit, frags);
	bpf_program__set_autoload(skeleton->progs.xdp_ratelimit_s, !frags);
	error = xdp_ratelimit_bpf__load(skeleton);
	if (!error && program_read(program_fd(skeleton), &program, NULL, 0) &&
	    !program_is_ours(&program))
		error = -ENOMEM;
	return error;
}

static struct xdp_ratelimit_bpf *open_program(const struct maps *maps, const char *interface)
{
	struct xdp_ratelimit_bpf *skeleton = xdp_ratelimit_bpf__open();
	struct xrl_program_info *about;
	int counters;

	if (!skeleton) {
		fail(EXIT_FAILED, NULL, "cannot read the program in this binary: %m");
		return NULL;
	}
	about = (struct xrl_program_info *)&skeleton->rodata_info->program_info;
	snprintf(about->version, sizeof(about->version), "%s", XRL_VERSION);
	if (program_use_maps(maps, skeleton)) {
		xdp_ratelimit_bpf__destroy(skeleton);
		return NULL;
	}
	counters = open_counters(maps, interface);
	if (counters >= 0) {
		bpf_map__reuse_fd(skeleton->maps.counters, counters);
		close(counters);
	}
	return skeleton;
}

/* Kernels before 5.18 reject programs for multi-buffer frames with EINVAL. */
struct xdp_ratelimit_bpf *program_load(const struct maps *maps, const char *interface)
{
	struct xdp_ratelimit_bpf *skeleton = open_program(maps, interface);
	int error;

	if (!skeleton)
		return NULL;
	error = load_one(skeleton, true);
	if (error == -EINVAL) {
		xdp_ratelimit_bpf__destroy(skeleton);
		skeleton = open_program(maps, interface);
		if (!skeleton)
			return NULL;
		error = load_one(skeleton, false);
	}
	if (error) {
		xdp_ratelimit_bpf__destroy(skeleton);
		fail(EXIT_FAILED, "run again with --verbose for the log of the verifier",
		     "the kernel rejected the program: %s", strerror(-error));
		return NULL;
	}
	return skeleton;
}
