/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The active policy, as one packet sees it. */

#include "bpf/maps.h"
#include "bpf/verifier.h"

struct policy {
	const struct xrl_class *class; /* of the packet's source, once known */
	__u32 class_number;
	__u32 generation; /* its lowest bit selects the copy */
};

/* 0 before the first policy. */
static __always_inline __u32 current_generation(void)
{
	return *(const volatile __u32 *)&meta.generation;
}

static __always_inline const struct xrl_policy *policy_of(__u32 generation)
{
	return &policies[generation & 1];
}

/* The mask is for the verifier, which does not know what global functions return. */
static __always_inline void choose_class(struct policy *policy, __u32 number)
{
	number = xrl_masked(number, XRL_MAX_CLASSES);
	policy->class_number = number;
	policy->class = &policy_of(policy->generation)->classes[number];
}

/* Returns false if no policy was ever activated. */
static __always_inline int read_policy(struct policy *policy)
{
	policy->generation = current_generation();
	return policy->generation != 0;
}

/* For packets without a source, which cannot have any other class. */
static __always_inline void choose_default_class(struct policy *policy)
{
	choose_class(policy, policy_of(policy->generation)->default_class);
}
