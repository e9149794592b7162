/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <limits.h>
#include <bpf/libbpf.h>

#include "user/util/result.h"
#include "user/datapath/pin_path.h"

/* The pin directory: the maps that all interfaces share, and a directory for each
 * interface with its link, program and counters. What is found there is foreign input
 * until it has been looked at. */

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

extern const char *const map_names[MAP_IDS];

/* Their names in the program: what is a variable there has that of its section. */
extern const char *const map_object_names[MAP_IDS];

/* The maps inside of `cidrs` and `separate_buckets`, by copy of the policy, have pins of their
 * own: by its number alone a map is opened only with CAP_SYS_ADMIN. */
enum inner_kind { INNER_CIDRS, INNER_SCOPED, INNER_KINDS };

#define PIN_NAME_CIDRS  "cidrs"
#define PIN_NAME_SCOPED "separate"

typedef char pin_path[PATH_MAX];

void pin_path_of_map(pin_path path, const char *pin_dir, const char *map);
void pin_path_of_inner_map(pin_path path, const char *pin_dir, enum inner_kind kind, __u32 copy);

/* `object`: link, program or counters. NULL: the directory itself. */
void pin_path_of_link(pin_path path, const char *pin_dir, const char *interface,
                      const char *object);

#define PIN_LOCK_WAIT_MS      10000
#define PIN_LOCK_LONG_WAIT_MS 30000 /* to attach or detach, behind others that wait for the store \
	                             */

/* Whoever changes something holds the lock; it ends with the process. A second one waits, for
 * up to `wait_ms`, and then reports that it's busy. Makes no directory: EXIT_NOT_FOUND,
 * without a report, when there is none. */
enum exit_code pin_lock(const char *pin_dir, int wait_ms, int *lock_fd);

/* Removes the directory if it is empty, and nobody has it locked. */
void pin_dir_discard(const char *pin_dir);

/* For readers: waits until nobody changes anything, so that no half of it is seen. Holds
 * until what it returns is closed. After 10 s it goes on all the same, with a warning. -1 when
 * there is no directory, too. */
int pin_lock_shared(const char *pin_dir);

/* Reports anything in the pin directory that we didn't put there. */
enum exit_code pin_check(const char *pin_dir);

/* The interfaces that have a directory. Returns how many, or -errno. The caller frees. */
int pin_dir_list_interfaces(const char *pin_dir, char (**interfaces)[IF_NAMESIZE]);

/* A pinned map with this layout (0 `max_entries`: whatever its size), or -errno; -ENOENT
 * when there is no such pin, -ESTALE when it is a map of another layout. */
int pin_dir_open_map(const char *path, enum bpf_map_type type, __u32 key_size, __u32 value_size,
                     __u32 max_entries);

/* Pins in place of what was pinned there, in one step: there is always one or the other. */
int pin_dir_replace(int fd, const char *path);

/* Moves the directories of interfaces away from where a map is to be pinned: a version before took
 * fewer names for its maps. To be called before the first pin. */
enum exit_code pin_dir_make_room(const char *pin_dir);

/* Removes the directory of an interface with what is in it. */
enum exit_code pin_dir_remove_interface(const char *pin_dir, const char *interface);

/* Removes the shared maps, but for those that `keep` says, and then the directory. */
enum exit_code pin_dir_remove_maps(const char *pin_dir, bool keep_permits);
