/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"
#include "user/policy/policy.h"

/* The CIDRs of a copy of the policy, as the program sees them. */

/* A new map with those of the policy. Its number or -errno. */
int cidr_map_make(const struct policy *policy);

/* All of them, to be freed. 0, also where there are none, or -errno. */
int cidr_map_read(const struct maps *maps, __u32 copy, struct policy_cidr **cidrs, size_t *count);

/* The one with the longest prefix that has the address in it. False: none. */
bool cidr_map_find(const struct maps *maps, __u32 copy, const struct xrl_address *address,
                   struct policy_cidr *found);
