// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/if_link.h>
#include <bpf/bpf.h>

#include "user/datapath/skeleton.h"

#define PROGRAM_NAME     "xdp_ratelimit" /* and _s */
#define MAX_PROGRAM_MAPS 16

const char *attach_mode_name(enum attach_mode mode)
{
	static const char *const names[] = {"auto", "native", "generic", "unknown"};

	return names[mode];
}

static bool is_our_program(const struct bpf_prog_info *program)
{
	return program->type == BPF_PROG_TYPE_XDP &&
	       !strncmp(program->name, PROGRAM_NAME, strlen(PROGRAM_NAME));
}

static bool read_program_fd(int fd, struct bpf_prog_info *program, __u32 *map_ids, __u32 count)
{
	__u32 size = sizeof(*program);

	*program = (struct bpf_prog_info){.nr_map_ids = count, .map_ids = (long)map_ids};
	return !bpf_obj_get_info_by_fd(fd, program, &size);
}

static bool read_program(__u32 id, struct bpf_prog_info *program, __u32 *map_ids, __u32 count)
{
	int fd = bpf_prog_get_fd_by_id(id);
	bool ok = fd >= 0 && read_program_fd(fd, program, map_ids, count);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* The program of the link is pinned beside it, which takes no more than its capabilities
 * to open. Only where a command was killed between the two is it asked for by its id, and
 * that takes CAP_SYS_ADMIN. */
static bool read_linked_program(const char *pin_dir, const char *interface, __u32 id,
                                struct bpf_prog_info *program, __u32 *map_ids, __u32 count)
{
	pin_path path;
	bool ok = false;
	int fd;

	pin_path_of_link(path, pin_dir, interface, "program");
	fd = bpf_obj_get(path);
	if (fd >= 0) {
		ok = read_program_fd(fd, program, map_ids, count) && program->id == id;
		close(fd);
	}
	return ok || read_program(id, program, map_ids, count);
}

static bool contains(const __u32 *ids, __u32 count, __u32 id)
{
	for (__u32 i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* Whether the program uses the very maps that are pinned. */
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

/* Of the program's read-only data. */
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

/* An index means something only in the network namespace of the interface: if our program
 * isn't on the one that has it here, it's another one. */
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
	    !is_our_program(&program))
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

enum exit_code link_check_maps(const char *pin_dir)
{
	enum exit_code error = EXIT_DONE;
	char(*interfaces)[IF_NAMESIZE];
	int count = pin_dir_list_interfaces(pin_dir, &interfaces);

	for (int i = 0; i < count && !error; i++) {
		struct link_info info;

		link_info_read(pin_dir, interfaces[i], &info);
		if (info.state == LINK_ATTACHED && !info.uses_pinned_maps)
			error = fail(EXIT_FAILED, "run attach again: it mends that",
			             "the program on %s runs on other maps than those pinned in "
			             "%s, after an attach that was interrupted; nothing was "
			             "changed",
			             interfaces[i], pin_dir);
	}
	free(interfaces);
	return error;
}

enum exit_code link_check_redirect(const char *interface, __u32 ifindex,
                                   const struct policy *policy)
{
	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++)
		if (policy->redirects[i] == ifindex)
			return fail(EXIT_FAILED, "edit its action",
			            "what exceeds the limits of class '%s' on %s can't be "
			            "redirected to %s itself; nothing was changed",
			            policy->compiled->classes[i].name, interface, interface);
	return EXIT_DONE;
}

static bool redirects(const struct policy *policy)
{
	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++)
		if (policy->redirects[i])
			return true;
	return false;
}

static enum exit_code check_attached(const char *interface, const struct link_info *info,
                                     const struct policy *policy)
{
	if (info->state != LINK_ATTACHED)
		return EXIT_DONE;
	if (info->other_namespace)
		return fail(EXIT_BUSY, "run this where the limiter was attached",
		            "the policy redirects, and '%s' is in another network namespace than "
		            "this command; nothing was changed",
		            interface);
	return link_check_redirect(interface, info->ifindex, policy);
}

enum exit_code link_check_redirects(const char *pin_dir, const struct policy *policy)
{
	enum exit_code error = EXIT_DONE;
	char(*interfaces)[IF_NAMESIZE];
	int count = redirects(policy) ? pin_dir_list_interfaces(pin_dir, &interfaces) : 0;

	for (int i = 0; i < count && !error; i++) {
		struct link_info info;

		link_info_read(pin_dir, interfaces[i], &info);
		error = check_attached(interfaces[i], &info, policy);
	}
	if (redirects(policy))
		free(interfaces);
	return error;
}

static enum exit_code report_foreign(const char *interface, __u32 program_id)
{
	struct bpf_prog_info program = {};

	if (!read_program(program_id, &program, NULL, 0))
		snprintf(program.name, sizeof(program.name), "unknown");
	else if (is_our_program(&program))
		return fail(
			EXIT_BUSY,
			"detach it where it was attached: under its old name if the interface was "
			"renamed (see status), or with that --pin-dir",
			"xdp-ratelimit is on %s already, id %u, but not by this name in this pin "
			"directory; nothing was changed",
			interface, program_id);
	return fail(EXIT_BUSY,
	            "stop the service that attached it; 'bpftool net' and 'bpftool link' tell more",
	            "another XDP program is on %s: '%s', id %u; nothing was changed", interface,
	            program.name, program_id);
}

enum exit_code link_check_foreign(const char *interface, __u32 ifindex, __u32 our_program_id)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	__u32 ids[3];

	if (bpf_xdp_query(ifindex, 0, &query))
		return EXIT_DONE;
	ids[0] = query.drv_prog_id;
	ids[1] = query.skb_prog_id;
	ids[2] = query.hw_prog_id;
	for (int i = 0; i < 3; i++)
		if (ids[i] && ids[i] != our_program_id)
			return report_foreign(interface, ids[i]);
	return EXIT_DONE;
}

static int open_counters(const struct maps *maps, const char *interface)
{
	pin_path path;

	pin_path_of_link(path, maps->pin_dir, interface, "counters");
	return pin_dir_open_map(path, BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(__u32),
	                        sizeof(struct xrl_counters), 1);
}

static int program_fd(const struct xdp_ratelimit_bpf *skeleton)
{
	int fd = bpf_program__fd(skeleton->progs.xdp_ratelimit);

	return fd >= 0 ? fd : bpf_program__fd(skeleton->progs.xdp_ratelimit_s);
}

/* Only one of the two entry points suits the kernel. A program without a name nobody would know
 * for ours again: libbpf leaves it out when it had no memory to find out whether it may. */
static int load_one(struct xdp_ratelimit_bpf *skeleton, bool frags)
{
	struct bpf_prog_info program;
	int error;

	bpf_program__set_autoload(skeleton->progs.xdp_ratelimit, frags);
	bpf_program__set_autoload(skeleton->progs.xdp_ratelimit_s, !frags);
	error = xdp_ratelimit_bpf__load(skeleton);
	if (!error && read_program_fd(program_fd(skeleton), &program, NULL, 0) &&
	    !is_our_program(&program))
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
	if (maps_reuse(maps, skeleton)) {
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

/* Frames of several buffers are known since 5.18; older kernels answer EINVAL. */
static struct xdp_ratelimit_bpf *load_program(const struct maps *maps, const char *interface)
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
		fail(EXIT_FAILED, "run again with --verbose to see what the kernel said",
		     "the kernel refused the program: %s", strerror(-error));
		return NULL;
	}
	return skeleton;
}

static int create_link(int program, __u32 ifindex, __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
	int fd = bpf_link_create(program, ifindex, BPF_XDP, &options);

	return fd >= 0 ? fd : -errno;
}

static enum exit_code report_attach_error(const char *interface, __u32 ifindex, int error)
{
	enum exit_code busy;

	if (error == -EBUSY || error == -EEXIST) {
		busy = link_check_foreign(interface, ifindex, 0);
		return busy ? busy
		            : fail(EXIT_BUSY, "try again", "%s is busy: %s", interface,
		                   strerror(-error));
	}
	if (error == -EOPNOTSUPP)
		return fail(EXIT_FAILED, "use --mode generic, which is slower",
		            "the driver of %s can't run XDP programs", interface);
	if (error == -ENODEV)
		return fail(EXIT_NOT_FOUND, "ip link shows the interfaces",
		            "there is no interface %s any more", interface);
	return fail(EXIT_FAILED,
	            "the kernel log (dmesg) may say why: often the MTU, or too few queues",
	            "the driver of %s refused the program: %s", interface, strerror(-error));
}

/* Generic mode only where it was asked for, or where the driver says that it knows no XDP:
 * any other error is one to be told. */
static enum exit_code link_new(int program, const char *interface, __u32 ifindex,
                               enum attach_mode *mode, int *link)
{
	if (*mode == MODE_AUTO || *mode == MODE_NATIVE) {
		*link = create_link(program, ifindex, XDP_FLAGS_DRV_MODE);
		if (*link >= 0) {
			*mode = MODE_NATIVE;
			return EXIT_DONE;
		}
		if (*mode == MODE_NATIVE || *link != -EOPNOTSUPP)
			return report_attach_error(interface, ifindex, *link);
		warn("the driver of %s can't run XDP programs: attached in generic mode, which "
		     "costs the kernel more per packet, and in which segments that the kernel has "
		     "merged count as one packet",
		     interface);
	}
	*mode = MODE_GENERIC;
	*link = create_link(program, ifindex, XDP_FLAGS_SKB_MODE);
	return *link >= 0 ? EXIT_DONE : report_attach_error(interface, ifindex, *link);
}

static enum exit_code pin(int fd, const struct maps *maps, const char *interface,
                          const char *object)
{
	pin_path path;
	int error;

	pin_path_of_link(path, maps->pin_dir, interface, object);
	error = pin_dir_replace(fd, path);
	return error ? fail(EXIT_FAILED, NULL, "cannot pin %s: %s", path, strerror(-error))
	             : EXIT_DONE;
}

static enum exit_code make_directory(const struct maps *maps, const char *interface)
{
	pin_path path;

	pin_path_of_link(path, maps->pin_dir, interface, NULL);
	if (mkdir(path, 0700) && errno != EEXIST)
		return fail(EXIT_FAILED, NULL, "cannot make %s: %m", path);
	return EXIT_DONE;
}

/* The link comes last: until it is pinned, the end of this process takes it off again. Its
 * pin is made in one step and never replaced, so whatever is attached has its pin. */
static enum exit_code keep_new(const struct maps *maps, const char *interface,
                               const struct link_change *change)
{
	enum exit_code error = make_directory(maps, interface);
	pin_path path;

	if (!error)
		error = pin(bpf_map__fd(change->program->maps.counters), maps, interface,
		            "counters");
	if (!error)
		error = pin(program_fd(change->program), maps, interface, "program");
	pin_path_of_link(path, maps->pin_dir, interface, "link");
	if (!error && bpf_obj_pin(change->link, path))
		error = fail(EXIT_FAILED, NULL, "cannot pin %s: %m", path);
	if (error)
		pin_dir_remove_interface(maps->pin_dir, interface);
	return error;
}

static enum exit_code replace(const struct maps *maps, const char *interface,
                              const struct link_change *change)
{
	pin_path path;
	int link, error;

	pin_path_of_link(path, maps->pin_dir, interface, "link");
	link = bpf_obj_get(path);
	error = link < 0 ? -errno : 0;
	if (!error && bpf_link_update(link, program_fd(change->program), NULL))
		error = -errno;
	if (link >= 0)
		close(link);
	if (error)
		return fail(EXIT_FAILED, NULL, "cannot replace the program on %s: %s", interface,
		            strerror(-error));
	/* the same map again, or the first one of a new layout */
	if (pin(bpf_map__fd(change->program->maps.counters), maps, interface, "counters"))
		return EXIT_FAILED;
	return pin(program_fd(change->program), maps, interface, "program");
}

enum exit_code link_prepare(const struct maps *maps, const char *interface, __u32 ifindex,
                            const struct link_info *before, enum attach_mode mode,
                            struct link_change *change)
{
	*change = (struct link_change){
		.program = load_program(maps, interface),
		.link = -1,
		.mode = before->state == LINK_ATTACHED ? before->mode : mode,
	};
	if (!change->program)
		return EXIT_FAILED;
	if (before->state == LINK_ATTACHED)
		return EXIT_DONE;
	return link_new(program_fd(change->program), interface, ifindex, &change->mode,
	                &change->link);
}

enum exit_code link_commit(const struct maps *maps, const char *interface,
                           const struct link_info *before, const struct link_change *change)
{
	enum exit_code error;

	if (before->state == LINK_ATTACHED)
		return replace(maps, interface, change);
	error = before->state == LINK_GONE ? pin_dir_remove_interface(maps->pin_dir, interface)
	                                   : EXIT_DONE;
	return error ? error : keep_new(maps, interface, change);
}

void link_discard(struct link_change *change)
{
	if (change->link >= 0)
		close(change->link);
	if (change->program)
		xdp_ratelimit_bpf__destroy(change->program);
	*change = (struct link_change){.link = -1};
}

enum exit_code link_detach(const char *pin_dir, const char *interface)
{
	struct link_info info;
	pin_path path;
	int link;

	link_info_read(pin_dir, interface, &info);
	pin_path_of_link(path, pin_dir, interface, "link");
	if (info.state == LINK_FOREIGN)
		return fail(EXIT_FAILED, "remove the pin yourself if you know what it is",
		            "%s is not a link of xdp-ratelimit; nothing was changed", path);
	if (info.state == LINK_ATTACHED) {
		/* now, and not when the last reference goes */
		link = bpf_obj_get(path);
		if (link >= 0) {
			bpf_link_detach(link);
			close(link);
		}
	}
	return pin_dir_remove_interface(pin_dir, interface);
}
