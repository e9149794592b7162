/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/bpf.h>

#include "user/datapath/maps.h"

/* The XDP program: its load into the kernel, and what the kernel tells about one. */

struct xdp_ratelimit_bpf;

/* Loads the program with these maps and the pinned counters of the interface. NULL: reported. The
 * caller destroys it. */
struct xdp_ratelimit_bpf *program_load(const struct maps *maps, const char *interface);

/* The entry point that was loaded. */
int program_fd(const struct xdp_ratelimit_bpf *skeleton);

/* Before a load: replaces the program's own maps with those of `maps` that are open. */
enum exit_code program_use_maps(const struct maps *maps, struct xdp_ratelimit_bpf *skeleton);

/* Reads the kernel's description, with the ids of up to `count` maps. */
bool program_read(int fd, struct bpf_prog_info *program, __u32 *map_ids, __u32 count);
bool program_read_by_id(__u32 id, struct bpf_prog_info *program, __u32 *map_ids, __u32 count);

bool program_is_ours(const struct bpf_prog_info *program);
