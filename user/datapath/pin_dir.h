/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/bpf.h>

#include "user/datapath/pin_path.h"
#include "user/util/result.h"

/* The pins of a pin directory: lists, opens, replaces and removes them. */

/* The interfaces that have a directory, sorted. Returns their number or -errno. The caller frees
 * *interfaces. */
int pin_dir_list_interfaces(const char *pin_dir, char (**interfaces)[IF_NAMESIZE]);

/* Opens a pinned map of this layout; `max_entries` 0: of any size. -ENOENT: no such pin. -ESTALE:
 * a map of another layout. Else -errno. */
int pin_dir_open_map(const char *path, enum bpf_map_type type, __u32 key_size, __u32 value_size,
                     __u32 max_entries);

/* Replaces a pin atomically: at any time there is either the old one or the new one. */
int pin_dir_replace(int fd, const char *path);

/* Moves unescaped directories of interfaces away from the names of maps. Call it before the first
 * pin is created. */
enum exit_code pin_dir_make_room(const char *pin_dir);

/* Removes the directory if it is empty and nobody holds its lock. */
void pin_dir_discard(const char *pin_dir);

/* Removes the directory of an interface with its pins. */
enum exit_code pin_dir_remove_interface(const char *pin_dir, const char *interface);

/* Removes the shared maps, and then the directory; with `keep_permits` the map of permits stays. */
enum exit_code pin_dir_remove_maps(const char *pin_dir, bool keep_permits);
