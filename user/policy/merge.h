/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "user/policy/policy.h"
#include "include/bucket.h"

/* What of the policy in force goes on in the next one. No map and no file in it. */

struct policy_merge {
	bool is_new_slot[XRL_CLASS_BUCKETS]; /* of class_buckets: to be zeroed before use */
};

/* Fills in what is left at 0 in a policy that was read: classes get the numbers that they have in
 * `old` by their names, limits that stay their places, since_generation and id, new ones those
 * that nobody has had. `old`, NULL when nothing is in force, is the only policy that a program
 * may still obey. 0, or -ENOSPC when more than XRL_CLASS_BUCKETS limits would have a bucket for a
 * whole class; *policy is then of no use. */
int policy_merge(struct policy *policy, const struct xrl_policy *old, __u32 generation,
                 struct policy_merge *merge);

/* Whether this is one and the same limit, but for when it warns. */
bool policy_same_limit(const struct xrl_limit *a, const struct xrl_limit *b);
