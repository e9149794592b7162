// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/link_info.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "include/program.h"
#include "user/datapath/pin_path.h"
#include "user/datapath/program.h"

#define MAX_PROGRAM_MAPS 16

const char *attach_mode_name(enum attach_mode mode)
{
	static const char *const names[] = {"auto", "native", "generic", "unknown"};

	return names[mode];
}

/* The program is pinned beside its link, so that opening it takes no extra capability. Only if a
 * command was killed between the two pins is the program opened by id, which takes CAP_SYS_ADMIN.
 */
static bool read_linked_program(const char *pin_dir, const char *interface, __u32 id,
                                struct bpf_prog_info *program, __u32 *map_ids, __u32 count)
{
	pin_path path;
	bool ok = false;
	int fd;

	pin_path_of_link(path, pin_dir, interface, "program");
	fd = bpf_obj_get(path);
	if (fd >= 0) {
		ok = program_read(fd, program, map_ids, count) && program->id == id;
		close(fd);
	}
	return ok || program_read_by_id(id, program, map_ids, count);
}

static bool contains(const __u32 *ids, __u32 count, __u32 id)
{
	for (__u32 i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* Whether the program uses every pinned map. */
static bool uses_pinned_maps(const char *pin_dir, const __u32 *map_ids, __u32 count)
{
	for (int i = 0; i < MAP_IDS; i++) {
		struct bpf_map_info map = {};
		__u32 size = sizeof(map);
		bool used = false;
		pin_path path;
		int fd;

		pin_path_of_map(path, pin_dir, map_names[i]);
		fd = bpf_obj_get(path);
		if (fd >= 0) {
			used = !bpf_obj_get_info_by_fd(fd, &map, &size) &&
			       contains(map_ids, count, map.id);
			close(fd);
		}
		if (!used)
			return false;
	}
	return true;
}

/* Reads it from the program's read-only data. */
static void read_version(__u32 map_id, struct link_info *info)
{
	struct xrl_program_info about;
	struct bpf_map_info map = {};
	__u32 size = sizeof(map), zero = 0;
	int fd = bpf_map_get_fd_by_id(map_id);

	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &map, &size) &&
	    !strcmp(map.name, XRL_PROGRAM_INFO_SECTION) && map.value_size == sizeof(about) &&
	    !bpf_map_lookup_elem(fd, &zero, &about))
		snprintf(info->version, sizeof(info->version), "%.*s",
		         (int)sizeof(about.version) - 1, about.version);
	close(fd);
}

static void read_program_maps(const char *pin_dir, const __u32 *map_ids, __u32 count,
                              struct link_info *info)
{
	if (count > MAX_PROGRAM_MAPS)
		count = MAX_PROGRAM_MAPS;
	info->uses_pinned_maps = uses_pinned_maps(pin_dir, map_ids, count);
	for (__u32 i = 0; i < count && !*info->version; i++)
		read_version(map_ids[i], info);
}

/* An index is valid only in the interface's network namespace: if the interface with this index
 * does not run our program, ours is in another namespace. */
static void read_place(struct link_info *info)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	info->other_namespace = true;
	if (bpf_xdp_query(info->ifindex, 0, &query))
		return;
	if (query.drv_prog_id == info->program_id)
		info->mode = MODE_NATIVE;
	else if (query.skb_prog_id == info->program_id)
		info->mode = MODE_GENERIC;
	else
		return;
	info->other_namespace = false;
	if_indextoname(info->ifindex, info->name_now);
}

static void read_link(const char *pin_dir, const char *interface, int fd, struct link_info *info)
{
	__u32 map_ids[MAX_PROGRAM_MAPS] = {}, size = sizeof(struct bpf_link_info);
	struct bpf_link_info link = {};
	struct bpf_prog_info program;

	info->state = LINK_FOREIGN;
	if (bpf_obj_get_info_by_fd(fd, &link, &size) || link.type != BPF_LINK_TYPE_XDP ||
	    !read_linked_program(pin_dir, interface, link.prog_id, &program, map_ids,
	                         MAX_PROGRAM_MAPS) ||
	    !program_is_ours(&program))
		return;
	info->state = link.xdp.ifindex ? LINK_ATTACHED : LINK_GONE;
	info->ifindex = link.xdp.ifindex;
	info->program_id = link.prog_id;
	info->loaded_boot_ns = program.load_time;
	read_program_maps(pin_dir, map_ids, program.nr_map_ids, info);
	if (info->state == LINK_ATTACHED)
		read_place(info);
}

void link_info_read(const char *pin_dir, const char *interface, struct link_info *info)
{
	pin_path path;
	int fd;

	*info = (struct link_info){.mode = MODE_UNKNOWN};
	pin_path_of_link(path, pin_dir, interface, "link");
	fd = bpf_obj_get(path);
	if (fd < 0)
		return;
	read_link(pin_dir, interface, fd, info);
	close(fd);
}
