// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/inner_map.h"

#include <errno.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "user/datapath/pin_dir.h"
#include "user/datapath/skeleton.h"

static const struct {
	enum map_id outer;
	enum bpf_map_type type;
	const char *name;
	__u32 key_size, value_size, flags;
	const char *key_type, *value_type; /* NULL: __u32 */
} kinds[INNER_KINDS] = {
	[INNER_CIDRS] = {MAP_CIDRS, BPF_MAP_TYPE_LPM_TRIE, PIN_NAME_CIDRS, sizeof(struct xrl_cidr),
                         sizeof(__u32), BPF_F_NO_PREALLOC, "xrl_cidr", NULL},
	[INNER_SCOPED] = {MAP_SCOPED_BUCKETS, BPF_MAP_TYPE_LRU_HASH, PIN_NAME_SCOPED,
                          sizeof(struct xrl_separate_key), sizeof(struct xrl_separate_bucket), 0,
                          "xrl_separate_key", "xrl_separate_bucket"},
};

static __u32 type_id(const struct btf *btf, const char *name)
{
	__s32 id = name ? btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT)
	                : btf__find_by_name_kind(btf, "unsigned int", BTF_KIND_INT);

	return id > 0 ? id : 0;
}

static int make(enum inner_kind kind, __u32 max_entries, int btf_fd, const struct btf *btf)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = kinds[kind].flags);
	int fd;

	if (btf_fd >= 0) {
		options.btf_fd = btf_fd;
		options.btf_key_type_id = type_id(btf, kinds[kind].key_type);
		options.btf_value_type_id = type_id(btf, kinds[kind].value_type);
	}
	fd = bpf_map_create(kinds[kind].type, kinds[kind].name, kinds[kind].key_size,
	                    kinds[kind].value_size, max_entries, &options);
	return fd >= 0 ? fd : -errno;
}

/* The types come from the program's object file. If the kernel rejects them, the map has none. */
int inner_map_make(enum inner_kind kind, __u32 max_entries)
{
	struct xdp_ratelimit_bpf *skeleton = xdp_ratelimit_bpf__open();
	const struct btf *btf = skeleton ? bpf_object__btf(skeleton->obj) : NULL;
	const void *types;
	__u32 size = 0;
	int btf_fd = -1, fd;

	types = btf ? btf__raw_data(btf, &size) : NULL;
	if (types)
		btf_fd = bpf_btf_load(types, size, NULL);
	fd = make(kind, max_entries, btf_fd, btf);
	if (fd == -EINVAL && btf_fd >= 0)
		fd = make(kind, max_entries, -1, NULL);
	if (btf_fd >= 0)
		close(btf_fd);
	if (skeleton)
		xdp_ratelimit_bpf__destroy(skeleton);
	return fd;
}

static bool read_info(int fd, struct bpf_map_info *info)
{
	__u32 size = sizeof(*info);

	*info = (struct bpf_map_info){};
	return !bpf_obj_get_info_by_fd(fd, info, &size);
}

/* A process that was killed between the two steps may have left another map under the pin. */
static int open_pin(const struct maps *maps, enum inner_kind kind, __u32 copy, __u32 id)
{
	struct bpf_map_info info;
	pin_path path;
	int fd;

	pin_path_of_inner_map(path, maps->pin_dir, kind, copy);
	fd = pin_dir_open_map(path, kinds[kind].type, kinds[kind].key_size, kinds[kind].value_size,
	                      0);
	if (fd < 0 || (read_info(fd, &info) && info.id == id))
		return fd;
	close(fd);
	return -ESTALE;
}

int inner_map_open(const struct maps *maps, enum inner_kind kind, __u32 copy)
{
	__u32 id;
	int fd;

	if (bpf_map_lookup_elem(maps->fds[kinds[kind].outer], &copy, &id))
		return -errno;
	fd = open_pin(maps, kind, copy, id);
	if (fd < 0)
		fd = bpf_map_get_fd_by_id(id);
	return fd >= 0 ? fd : -errno;
}

static int set_pin(const struct maps *maps, enum inner_kind kind, __u32 copy, int fd)
{
	pin_path path;

	pin_path_of_inner_map(path, maps->pin_dir, kind, copy);
	if (fd >= 0)
		return pin_dir_replace(fd, path);
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

int inner_map_set(const struct maps *maps, enum inner_kind kind, __u32 copy, int fd)
{
	int outer = maps->fds[kinds[kind].outer];

	if (fd >= 0 ? bpf_map_update_elem(outer, &copy, &fd, BPF_ANY)
	            : bpf_map_delete_elem(outer, &copy) && errno != ENOENT)
		return -errno;
	return set_pin(maps, kind, copy, fd);
}

/* The kernel waits after every write to a map of maps (maybe_wait_bpf_programs). membarrier(2)
 * would do as well, but not where CPUs run without a tick (nohz_full). */
int inner_map_wait(const struct maps *maps)
{
	const __u32 unused_slot = XRL_COPIES;
	int fd = make(INNER_CIDRS, 1, -1, NULL), error = 0;

	if (fd < 0)
		return fd;
	if (bpf_map_update_elem(maps->fds[MAP_CIDRS], &unused_slot, &fd, BPF_ANY))
		error = -errno;
	close(fd);
	return error;
}

__u32 inner_map_size(int fd)
{
	struct bpf_map_info info;

	return fd >= 0 && read_info(fd, &info) ? info.max_entries : 0;
}
