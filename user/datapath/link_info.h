/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>
#include <net/if.h>

/* The state of one interface's link: read from the kernel, nothing changed. */

enum attach_mode {
	MODE_AUTO,
	MODE_NATIVE,
	MODE_GENERIC,
	MODE_UNKNOWN,
};

const char *attach_mode_name(enum attach_mode mode);

enum link_state {
	LINK_NONE, /* not attached; an interrupted command may have left pins */
	LINK_ATTACHED,
	LINK_GONE,    /* the interface has gone */
	LINK_FOREIGN, /* a pin that is not ours */
};

/* The kernel's view of an attached interface. */
struct link_info {
	enum link_state state;
	enum attach_mode mode; /* unknown from another network namespace */
	bool other_namespace;
	char name_now[IF_NAMESIZE]; /* differs after a rename */
	__u32 ifindex;
	__u32 program_id;
	__u64 loaded_boot_ns;
	bool uses_pinned_maps;
	char version[32]; /* empty without CAP_SYS_ADMIN */
};

void link_info_read(const char *pin_dir, const char *interface, struct link_info *info);
