/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "user/datapath/pin_dir.h"
#include "include/policy.h"

#define INSTANCE_DEFAULT_SOURCES 1048576

/* The maps that the interfaces of one pin directory share. */
struct instance {
	const char *pin_dir;
	struct xrl_policy *policies; /* both copies, once they have been looked at; else NULL */
	int maps[SHARED_MAPS];       /* -1: not there */
	bool fresh[SHARED_MAPS];     /* made by this command, so that nothing refers to it */
	bool resized;                /* other_layout, but only in the number of buckets */
	bool permits_resized;        /* other_layout, but only in the room for permits */
	bool other_layout;           /* something was there, of another version or size */
};

/* Opens what is pinned and usable. `sources`, `permits`: how many buckets there must be and for
 * how many permits room, 0 for as many as there are. */
void instance_open(struct instance *instance, const char *pin_dir, __u32 sources, __u32 permits);

/* How many buckets are pinned there, of whatever version. 0: none. */
__u32 instance_pinned_sources(const char *pin_dir);

/* The same of the room for permits. */
__u32 instance_pinned_permit_room(const char *pin_dir);

/* Makes what is missing, and carries the permits over to a new map. Nothing is pinned. */
enum exit_code instance_complete(struct instance *instance, __u32 sources, __u32 permits);

/* Puts pins on what is new. */
enum exit_code instance_pin(struct instance *instance);

void instance_close(struct instance *instance);

/* Whether there is a whole one to read: reports why not otherwise. */
enum exit_code instance_open_attached(struct instance *instance, const char *pin_dir);

/* The policy in force, to be read while the pin directory is locked and until the instance is
 * closed. NULL: none yet. */
const struct xrl_policy *instance_policy(struct instance *instance, __u32 *generation);

/* The interface that a class of it redirects to. 0: none, or it is gone. */
__u32 instance_redirect(const struct instance *instance, __u32 generation, __u32 class_number);

/* One of those maps that are variables, in memory. NULL: it can't be had. */
void *instance_map_memory(const struct instance *instance, enum shared_map map, bool to_write);
void instance_unmap_memory(void *memory, enum shared_map map);

/* Whether there is a policy in force, of whatever content. */
bool instance_has_policy(const struct instance *instance);

/* Whether there is surely none, which is more than that it can't be read. */
bool instance_lacks_policy(const struct instance *instance);

/* 1: the other copy of the policy is in force; 2: the permits have changed. */
__u32 instance_next_generation(__u32 generation, __u32 step);

/* Puts it in force, in one store. 0 or -errno. */
int instance_bump_generation(const struct instance *instance, __u32 step);

/* Which change of the permit store the map `permits` holds. 0: unknown, or being changed. */
__u64 instance_store_change(const struct instance *instance);
int instance_set_store_change(const struct instance *instance, __u64 change);

/* Whether permits can be put in force here: all the maps that takes are there. */
bool instance_takes_permits(const struct instance *instance);

/* Buckets, and room for permits. */
__u32 instance_sources(const struct instance *instance);
__u32 instance_permit_room(const struct instance *instance);

/* Counts permits that are in force. */
unsigned int instance_count_permits(const struct instance *instance);

/* Whether permits may be lost if their map goes: when they can't be read, too. */
bool instance_has_permits(const struct instance *instance);
