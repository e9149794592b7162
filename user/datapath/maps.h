/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "include/policy.h"
#include "user/datapath/pin_path.h"
#include "user/util/result.h"

/* The maps that all interfaces of one pin directory share. */

#define MAPS_DEFAULT_SOURCES 1048576

struct maps {
	const char *pin_dir;
	struct xrl_policy *policies; /* both copies, mapped on first use; else NULL */
	int fds[MAP_IDS];            /* -1: not open */
	bool created[MAP_IDS];       /* by this command: no program refers to it yet */
	bool resized;                /* incompatible, but only in the number of buckets */
	bool permits_resized;        /* incompatible, but only in the room for permits */
	bool incompatible;           /* some pinned map has another version or size */
};

/* Opens the pinned maps that this version can use. `sources`, `permits`: the sizes that the maps
 * of buckets and permits must have, 0 for any size. */
void maps_open(struct maps *maps, const char *pin_dir, __u32 sources, __u32 permits);

/* For readers: opens a complete set, or reports why there is none. Close it in either case. */
enum exit_code maps_open_attached(struct maps *maps, const char *pin_dir);

/* Reports maps that nobody uses (no interface has pins), or maps of another version. */
enum exit_code maps_check_attached(const struct maps *maps, int interface_count);

/* With no map open, for maps_close(). */
void maps_clear(struct maps *maps, const char *pin_dir);

void maps_close(struct maps *maps);

/* The sizes of the pinned maps, of any version. 0: no such pin. */
__u32 maps_pinned_sources(const char *pin_dir);
__u32 maps_pinned_permit_room(const char *pin_dir);

/* The sizes of the open maps, 0 if not open. */
__u32 maps_sources(const struct maps *maps);
__u32 maps_permit_room(const struct maps *maps);

/* Maps one of the program's variables into memory. NULL: see errno. */
void *maps_mmap(const struct maps *maps, enum map_id map, bool to_write);
void maps_munmap(void *memory, enum map_id map);

/* Whether permits can be written: all maps that this takes are open. */
bool maps_take_permits(const struct maps *maps);

/* The number of active permits. */
unsigned int maps_count_permits(const struct maps *maps);

/* Whether removing the pinned map of permits may lose one: yes also if it cannot be read. */
bool maps_may_hold_permits(const struct maps *maps);
