/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "user/policy/policy.h"
#include "include/bucket.h"

/* Carries the state of the active policy over to the next one; no map and no file. */

struct policy_merge {
	bool is_new_slot[XRL_CLASS_BUCKETS]; /* of class_buckets; zero them before use */
};

/* Fills in the fields that reading a policy leaves 0: classes get the numbers of the classes of the
 * same name in `old`; unchanged limits keep their slots, since_generation and id; new limits get
 * unused ones. `old`, NULL if no policy is active, is the only policy that a program may still
 * apply. Returns 0, or -ENOSPC if more than XRL_CLASS_BUCKETS limits would have a bucket for a
 * whole class; *policy is then unusable. */
int policy_merge(struct policy *policy, const struct xrl_policy *old, __u32 generation,
                 struct policy_merge *merge);

/* Whether two limits are equal, apart from their warning threshold. */
bool policy_same_limit(const struct xrl_limit *a, const struct xrl_limit *b);
