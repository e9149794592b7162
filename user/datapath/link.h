/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>
#include <net/if.h>

#include "user/datapath/maps.h"
#include "user/policy/policy.h"

struct xdp_ratelimit_bpf;

/* One interface: its program and the link that holds it there. */

enum attach_mode {
	MODE_AUTO,
	MODE_NATIVE,
	MODE_GENERIC,
	MODE_UNKNOWN,
};

const char *attach_mode_name(enum attach_mode mode);

enum link_state {
	LINK_NONE, /* not attached; perhaps what an interrupted command left */
	LINK_ATTACHED,
	LINK_GONE,    /* the interface went away under it */
	LINK_FOREIGN, /* pinned there, but not ours */
};

/* What can be seen of an attached interface. */
struct link_info {
	enum link_state state;
	enum attach_mode mode; /* unknown from another network namespace */
	bool other_namespace;
	char name_now[IF_NAMESIZE]; /* differs when the interface was renamed */
	__u32 ifindex;
	__u32 program_id;
	__u64 loaded_boot_ns;
	bool uses_pinned_maps;
	char version[32]; /* empty when this process may not ask (CAP_SYS_ADMIN) */
};

void link_info_read(const char *pin_dir, const char *interface, struct link_info *info);

/* Reports a program that runs on other maps than those pinned: it obeys nothing that is written
 * there. */
enum exit_code link_check_maps(const char *pin_dir);

/* Reports a class that redirects what exceeds its limits on this interface to the interface
 * itself: it would be lost. */
enum exit_code link_check_redirect(const char *interface, __u32 ifindex,
                                   const struct policy *policy);

/* The same of all that are attached. They must be in this network namespace, as an interface to
 * redirect to is only a number. */
enum exit_code link_check_redirects(const char *pin_dir, const struct policy *policy);

/* Reports a program on the interface that is not ours: its name and id. */
enum exit_code link_check_foreign(const char *interface, __u32 ifindex, __u32 our_program_id);

/* A program that is loaded, and on a new interface already at work, but not yet kept there:
 * link_discard takes it off again and leaves no trace. */
struct link_change {
	struct xdp_ratelimit_bpf *program;
	int link; /* of a new interface, else -1 */
	enum attach_mode mode;
};

/* Loads the program with the maps of the maps. All that a driver or the kernel may
 * refuse is refused here. */
enum exit_code link_prepare(const struct maps *maps, const char *interface, __u32 ifindex,
                            const struct link_info *before, enum attach_mode mode,
                            struct link_change *change);

/* Keeps it: puts it in the place of the program that is there, without a packet in between,
 * and pins it. */
enum exit_code link_commit(const struct maps *maps, const char *interface,
                           const struct link_info *before, const struct link_change *change);

void link_discard(struct link_change *change);

/* Takes the program off, if it is ours, and removes the pins. */
enum exit_code link_detach(const char *pin_dir, const char *interface);
