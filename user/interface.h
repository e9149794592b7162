/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>
#include <net/if.h>

#include "instance.h"

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
struct interface_info {
	enum link_state state;
	enum attach_mode mode; /* unknown from another network namespace */
	bool other_namespace;
	char name_now[IF_NAMESIZE]; /* differs when the interface was renamed */
	__u32 ifindex;
	__u32 program_id;
	__u64 loaded_boot_ns;
	__u32 buckets_map_id; /* of the buckets that the program uses */
	char version[24];
	unsigned long long netns_inode;
};

void interface_read(const char *pin_dir, const char *interface, struct interface_info *info);

/* Reports a program on the interface that is not ours: its name and id. */
enum exit_code interface_check_foreign(const char *interface, __u32 ifindex, __u32 our_program_id);

/* Loads the program with the maps of the instance and puts it on the interface, or in the
 * place of the one that is there, without a packet in between. `mode` becomes the one that
 * was taken. On failure the interface is as it was. */
enum exit_code interface_attach(const struct instance *instance, const char *interface,
                                __u32 ifindex, const struct interface_info *before,
                                enum attach_mode *mode);

/* Takes the program off, if it is ours, and removes the pins. */
enum exit_code interface_detach(const char *pin_dir, const char *interface);
