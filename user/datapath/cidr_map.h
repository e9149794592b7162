/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"
#include "user/policy/policy.h"

/* The CIDRs of one copy of the policy in the kernel. */

/* Creates a map with the CIDRs of the policy. A descriptor or -errno. */
int cidr_map_make(const struct policy *policy);

/* Reads all of them; the caller frees. 0, also if there are none, or -errno. */
int cidr_map_read(const struct maps *maps, __u32 copy, struct policy_cidr **cidrs, size_t *count);

/* Finds the longest prefix that contains the address. False: none does. */
bool cidr_map_find(const struct maps *maps, __u32 copy, const struct xrl_address *address,
                   struct policy_cidr *found);
