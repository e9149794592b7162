// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/link.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/if_link.h>
#include <bpf/bpf.h>

#include "user/datapath/link_check.h"
#include "user/datapath/pin_dir.h"
#include "user/datapath/program.h"
#include "user/datapath/skeleton.h"

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
		            "the driver of %s cannot run XDP programs", interface);
	if (error == -ENODEV)
		return fail(EXIT_NOT_FOUND, "ip link shows the interfaces",
		            "the interface %s has gone", interface);
	return fail(EXIT_FAILED,
	            "see the kernel log (dmesg); often it is the MTU, or too few queues",
	            "the driver of %s rejected the program: %s", interface, strerror(-error));
}

/* Falls back to generic mode only if the driver does not support XDP; reports any other error. */
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
		warn("the driver of %s cannot run XDP programs: attached in generic mode, which "
		     "costs more per packet and counts merged segments (GRO) as one packet",
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
		return fail(EXIT_FAILED, NULL, "cannot create %s: %m", path);
	return EXIT_DONE;
}

/* Pins the link last: until then, it goes with this process. Its pin is created atomically and
 * never replaced, so whatever is attached has a pin. */
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
	/* either the same map or a new one, of another layout */
	if (pin(bpf_map__fd(change->program->maps.counters), maps, interface, "counters"))
		return EXIT_FAILED;
	return pin(program_fd(change->program), maps, interface, "program");
}

enum exit_code link_prepare(const struct maps *maps, const char *interface, __u32 ifindex,
                            const struct link_info *before, enum attach_mode mode,
                            struct link_change *change)
{
	*change = (struct link_change){
		.program = program_load(maps, interface),
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
		return fail(EXIT_FAILED, "if you know what it is, remove the pin yourself",
		            "%s is not a link of xdp-ratelimit; nothing was changed", path);
	if (info.state == LINK_ATTACHED) {
		/* at once, not when the last reference goes */
		link = bpf_obj_get(path);
		if (link >= 0) {
			bpf_link_detach(link);
			close(link);
		}
	}
	return pin_dir_remove_interface(pin_dir, interface);
}
