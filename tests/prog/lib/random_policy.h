/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A sequence of random policies: some limits stay from one to the next, others come and go. */

#include "tests/prog/lib/policy.h"

#define RANDOM_CIDRS 24

struct random_policy {
	struct xrl_policy policy;
	struct xrl_ports ports;
	struct policy_cidr cidrs[RANDOM_CIDRS];
	size_t cidr_count;
	__u32 class_count;
	__u32 last_id, last_place; /* last assigned to scoped limits */
};

/* Draws the next policy, to be activated with that generation. */
void random_policy_next(struct random_policy *random, __u32 epoch, __u32 generation);

int random_policy_has_scoped(const struct random_policy *random);
