/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <net/if.h>
#include <linux/types.h>

/* The names in a pin directory: the shared maps, and for each interface a directory with its link,
 * program and counters. */

enum map_id {
	MAP_BUCKETS,
	MAP_PERMITS,
	MAP_CLASSES,
	MAP_META,
	MAP_REDIRECTS,
	MAP_CIDRS,
	MAP_SCOPED_BUCKETS,
	MAP_PROTECTED_PORTS,
	MAP_CLASS_BUCKETS,
	MAP_GATE,
	MAP_FLOOD,
	MAP_IDS,
};

/* The names of the pins. */
extern const char *const map_names[MAP_IDS];

/* The names in the program's object file: a variable's map has the name of its section. */
extern const char *const map_object_names[MAP_IDS];

/* The maps inside `cidrs` and `separate_buckets`, one per copy of the policy, have pins of their
 * own: only CAP_SYS_ADMIN may open a map by its id. */
enum inner_kind { INNER_CIDRS, INNER_SCOPED, INNER_KINDS };

#define PIN_NAME_CIDRS  "cidrs"
#define PIN_NAME_SCOPED "separate"

extern const char *const pin_path_inner_names[INNER_KINDS];

#define PIN_PATH_LINK_OBJECTS 3
extern const char *const pin_path_link_objects[PIN_PATH_LINK_OBJECTS]; /* link, program, counters */

typedef char pin_path[PATH_MAX];

void pin_path_of_map(pin_path path, const char *pin_dir, const char *map);
void pin_path_of_inner_map(pin_path path, const char *pin_dir, enum inner_kind kind, __u32 copy);

/* `object`: link, program or counters. NULL: the directory itself. */
void pin_path_of_link(pin_path path, const char *pin_dir, const char *interface,
                      const char *object);

/* The temporary name of a pin that is about to replace `path`. */
void pin_path_new(pin_path new_pin, const char *path);

/* Whether it is a temporary name, and of which pin. `base`: NAME_MAX + 1 bytes. */
bool pin_path_is_new(const char *name, char *base);

/* Whether it is the name of a shared map, temporary names included. */
bool pin_path_is_map(const char *name);

/* bpffs rejects dots in names, and an interface may be called like a map. So the directory of an
 * interface has dots, percent signs and the first letter of a reserved name as %XX: the pins of
 * eth0.5 are in eth0%2e5. */
#define PIN_NAME_SIZE (3 * IF_NAMESIZE)

void pin_path_encode(const char *interface, char *pin);

/* False: pin_path_encode() writes no such name. `interface`: IF_NAMESIZE bytes. */
bool pin_path_decode(const char *pin, char *interface);

/* The interface of a directory in `pin_dir`. False: it is not the directory of an interface. */
bool pin_path_read_interface(const char *pin_dir, const char *name, char *interface);

/* Whether the name belongs to a shared map or an inner map. */
bool pin_path_is_reserved(const char *name);

/* Older versions reserved fewer names and left the directory of an interface with one of the
 * others unescaped. It stays there until a map needs the name. */
bool pin_path_is_unescaped(const char *pin_dir, const char *interface);
