/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/link_info.h"
#include "user/datapath/maps.h"

/* Attaches the program to an interface, replaces it there, and detaches it. */

struct xdp_ratelimit_bpf;

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
