/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"

/* The maps inside of `cidrs` and `separate_buckets`: one for each copy of the policy, or none. */

/* A new one, with the types that bpftool prints it by. Its number or -errno. */
int inner_map_make(enum inner_kind kind, __u32 max_entries);

/* That of a copy, to be closed. -ENOENT: it has none. */
int inner_map_open(const struct maps *maps, enum inner_kind kind, __u32 copy);

/* Puts it there and pins it; fd -1: takes away what is there. 0 or -errno. The kernel waits until
 * no program runs any more that began before, so this takes some milliseconds. */
int inner_map_set(const struct maps *maps, enum inner_kind kind, __u32 copy, int fd);

/* Only waits like that. 0 or -errno. */
int inner_map_wait(const struct maps *maps);

/* 0: it isn't one. */
__u32 inner_map_size(int fd);
