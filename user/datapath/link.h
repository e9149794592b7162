/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/link_info.h"
#include "user/datapath/maps.h"

/* Attaches the program to an interface, replaces it there, and detaches it. */

struct xdp_ratelimit_bpf;

/* A loaded program. On a new interface it runs already, but link_discard() detaches it without a
 * trace until link_commit() has pinned it. */
struct link_change {
	struct xdp_ratelimit_bpf *program;
	int link; /* on a new interface, else -1 */
	enum attach_mode mode;
};

/* Loads the program with these maps, and attaches it to a new interface. Whatever the kernel or a
 * driver may reject, they reject here. */
enum exit_code link_prepare(const struct maps *maps, const char *interface, __u32 ifindex,
                            const struct link_info *before, enum attach_mode mode,
                            struct link_change *change);

/* Replaces the program of an attached interface atomically, and pins. */
enum exit_code link_commit(const struct maps *maps, const char *interface,
                           const struct link_info *before, const struct link_change *change);

void link_discard(struct link_change *change);

/* Detaches the program, if it is ours, and removes the pins. */
enum exit_code link_detach(const char *pin_dir, const char *interface);
