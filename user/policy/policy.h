/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "user/util/parse_error.h"
#include "include/policy.h"

/* A whole policy, before it is activated. */

struct policy_cidr {
	struct xrl_cidr cidr; /* zeros beyond the prefix */
	__u32 class_number;
};

struct policy {
	/* What the program reads. Left at 0, for activate_policy to fill in: id and
	 * since_generation of the limits, last_limit_id, separate_entries, since_unix_seconds. */
	struct xrl_policy *compiled;
	struct xrl_ports protected_ports;
	__u32 redirects[XRL_MAX_CLASSES]; /* interface index, where the action is redirect */
	struct policy_cidr *cidrs;        /* without duplicates */
	size_t cidr_count;
	__u32 sources; /* capacity of the bucket map; 0: not given */
};

/* The default: one class "default" with 10000 packets per second for every source, and drop. Exits
 * if memory runs out. policy_free accepts {} as well. */
void policy_set_default(struct policy *policy);
void policy_free(struct policy *policy);

/* Adds a class with no limits except that of ICMP errors, and the action drop. Returns NULL if
 * there are XRL_MAX_CLASSES already. */
struct xrl_class *policy_add_class(struct policy *policy, const char *name);

__u32 policy_count_classes(const struct xrl_policy *policy);

/* What the limits of a class need from the packet (enum xrl_wants). */
__u32 policy_wants_of_class(const struct xrl_class *class);

/* What protected ports need from the packet (enum xrl_wants); 0 if there are none. */
__u32 policy_wants_of_ports(const struct xrl_ports *ports);

/* Marks the CIDR for the gate (bpf/verdict/admit.h). policy_derive marks all CIDRs of a policy. */
void policy_mark_cidr(struct xrl_policy *policy, const struct xrl_cidr *cidr);

/* Computes derived fields: wants, and those that class_derive computes for each class. Call it
 * after setting everything else. */
void policy_derive(struct policy *policy);

/* Reads the capacity of the bucket map, in sources. Returns 0, or -EINVAL with the reason. */
int policy_parse_max_sources(const char *text, __u32 *sources,
                             const struct parse_error *parse_error);
