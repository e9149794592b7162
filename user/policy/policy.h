/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "user/util/parse_error.h"
#include "include/policy.h"

/* A policy as a whole, before it is put in force. */

struct policy_cidr {
	struct xrl_cidr cidr; /* behind the prefix: zeros */
	__u32 class_number;
};

struct policy {
	/* What the program reads. Left at 0, for activate_policy to fill in: id and
	 * since_generation of the limits, last_limit_id, separate_entries, since_unix_seconds. */
	struct xrl_policy *compiled;
	struct xrl_ports protected_ports;
	__u32 redirects[XRL_MAX_CLASSES]; /* interface index, where the action is redirect */
	struct policy_cidr *cidrs;        /* none of them twice */
	size_t cidr_count;
	__u32 sources; /* how many buckets there are to be; 0: not said */
};

/* The default: one class "default" of 10000 packets a second for every source, and drop.
 * Ends the process when there is no memory. policy_free takes it, and {} as well. */
void policy_set_default(struct policy *policy);
void policy_free(struct policy *policy);

/* Adds a class with this name, without limits (but for ICMP errors) and with the action drop.
 * NULL: there are XRL_MAX_CLASSES. */
struct xrl_class *policy_add_class(struct policy *policy, const char *name);

__u32 policy_count_classes(const struct xrl_policy *policy);

/* What is wanted for the sake of its limits, of enum xrl_wants. */
__u32 policy_wants_of_class(const struct xrl_class *class);

/* What is wanted for the sake of these ports, of enum xrl_wants: nothing when there are none. */
__u32 policy_wants_of_ports(const struct xrl_ports *ports);

/* Tells the gate where this CIDR is (bpf/verdict/admit.h). policy_derive does so for all of a
 * policy. */
void policy_mark_cidr(struct xrl_policy *policy, const struct xrl_cidr *cidr);

/* Computes what follows from the limits: wants, and what class_derive does for each class. Call
 * it when all has been set. */
void policy_derive(struct policy *policy);

/* Reads the capacity of the bucket map, in sources. Returns 0, or -EINVAL with the reason. */
int policy_parse_max_sources(const char *text, __u32 *sources,
                             const struct parse_error *parse_error);
