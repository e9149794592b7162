/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"

/* The generation says which copy of the policy is active (its lowest bit), and changes with every
 * policy and every change of permits, so that buckets are classified again. */

/* The active policy, valid while the pin directory is locked and until maps_close(). NULL: none
 * yet, or unreadable. */
const struct xrl_policy *generation_policy(struct maps *maps, __u32 *generation);

/* The interface that a class redirects to. 0: none, or it has gone. */
__u32 generation_redirect(const struct maps *maps, __u32 generation, __u32 class_number);

/* Whether a policy is active. */
bool generation_has_policy(const struct maps *maps);

/* Whether certainly none is active: false also if that cannot be read. */
bool generation_lacks_policy(const struct maps *maps);

/* Step 1: the other copy of the policy becomes active. Step 2: the permits have changed. */
__u32 generation_next(__u32 generation, __u32 step);

/* Stores the next generation atomically. 0 or -errno. */
int generation_bump(const struct maps *maps, __u32 step);

/* The change of the permit store that the map `permits` holds. 0: unknown, or being changed. */
__u64 generation_store_change(const struct maps *maps);
int generation_set_store_change(const struct maps *maps, __u64 change);
