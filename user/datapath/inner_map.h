/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"

/* The maps inside `cidrs` and `separate_buckets`: at most one for each copy of the policy. */

/* Creates a map, with the types that bpftool needs to print it. A descriptor or -errno. */
int inner_map_make(enum inner_kind kind, __u32 max_entries);

/* Opens the map of a copy. -ENOENT: there is none. */
int inner_map_open(const struct maps *maps, enum inner_kind kind, __u32 copy);

/* Sets and pins the map of a copy; fd -1 removes it. 0 or -errno. Takes some milliseconds: the
 * kernel waits for an RCU grace period, until every program that started before has ended. */
int inner_map_set(const struct maps *maps, enum inner_kind kind, __u32 copy, int fd);

/* Only waits for the grace period. 0 or -errno. */
int inner_map_wait(const struct maps *maps);

/* 0: not such a map. */
__u32 inner_map_size(int fd);
