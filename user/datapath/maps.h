/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "user/datapath/pin_dir.h"
#include "include/policy.h"

#define MAPS_DEFAULT_SOURCES 1048576

/* The maps that the interfaces of one pin directory share. */
struct maps {
	const char *pin_dir;
	struct xrl_policy *policies; /* both copies, once they have been looked at; else NULL */
	int fds[MAP_IDS];            /* -1: not there */
	bool created[MAP_IDS];       /* made by this command, so that nothing refers to it */
	bool resized;                /* incompatible, but only in the number of buckets */
	bool permits_resized;        /* incompatible, but only in the room for permits */
	bool incompatible;           /* something was there, of another version or size */
};

/* Opens what is pinned and usable. `sources`, `permits`: how many buckets there must be and for
 * how many permits room, 0 for as many as there are. */
void maps_open(struct maps *maps, const char *pin_dir, __u32 sources, __u32 permits);

/* How many buckets are pinned there, of whatever version. 0: none. */
__u32 maps_pinned_sources(const char *pin_dir);

/* The same of the room for permits. */
__u32 maps_pinned_permit_room(const char *pin_dir);

/* Makes what is missing, and carries the permits over to a new map. Nothing is pinned. */
enum exit_code maps_create_missing(struct maps *maps, __u32 sources, __u32 permits);

/* Puts pins on what is new. */
enum exit_code maps_create_pins(struct maps *maps);

void maps_close(struct maps *maps);

/* Whether there is a whole one to read: reports why not otherwise. */
enum exit_code maps_open_attached(struct maps *maps, const char *pin_dir);

/* The policy in force, to be read while the pin directory is locked and until the maps is
 * closed. NULL: none yet. */
const struct xrl_policy *generation_policy(struct maps *maps, __u32 *generation);

/* The interface that a class of it redirects to. 0: none, or it is gone. */
__u32 generation_redirect(const struct maps *maps, __u32 generation, __u32 class_number);

/* One of those maps that are variables, in memory. NULL: it can't be had. */
void *maps_mmap(const struct maps *maps, enum map_id map, bool to_write);
void maps_munmap(void *memory, enum map_id map);

/* Whether there is a policy in force, of whatever content. */
bool generation_has_policy(const struct maps *maps);

/* Whether there is surely none, which is more than that it can't be read. */
bool generation_lacks_policy(const struct maps *maps);

/* 1: the other copy of the policy is in force; 2: the permits have changed. */
__u32 generation_next(__u32 generation, __u32 step);

/* Puts it in force, in one store. 0 or -errno. */
int generation_bump(const struct maps *maps, __u32 step);

/* Which change of the permit store the map `permits` holds. 0: unknown, or being changed. */
__u64 generation_store_change(const struct maps *maps);
int generation_set_store_change(const struct maps *maps, __u64 change);

/* Whether permits can be put in force here: all the maps that takes are there. */
bool maps_take_permits(const struct maps *maps);

/* Buckets, and room for permits. */
__u32 maps_sources(const struct maps *maps);
__u32 maps_permit_room(const struct maps *maps);

/* Counts permits that are in force. */
unsigned int maps_count_permits(const struct maps *maps);

/* Whether permits may be lost if their map goes: when they can't be read, too. */
bool maps_may_hold_permits(const struct maps *maps);
