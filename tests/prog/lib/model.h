/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* An independent model of the limiter, as simple as possible: every window lasts as long as the
 * test, and there is one CPU. The model shares nothing with the program except the description of a
 * policy. */

#include <linux/types.h>

#include "include/counters.h"
#include "include/policy.h"
#include "user/policy/policy.h"

struct model_source {
	__u32 address;
	int known, permitted;
	__u32 seen; /* generation at its last packet; 0: none yet */
	__u32 class_number;
	int in_penalty;
	__u64 used[XRL_WINDOWS];
};

/* The bucket of a scoped limit. */
struct model_bucket {
	__u32 limit_id, address;
	int known, is_of_class;
	__u64 used;
};

struct model {
	const struct xrl_policy *policy;
	const struct xrl_ports *ports; /* protected */
	int protects_tcp, protects_udp;
	const struct policy_cidr *cidrs;
	size_t cidr_count;
	__u32 generation;
	struct model_source *sources; /* hash tables */
	struct model_bucket *buckets;
	__u32 source_count, bucket_count;
};

enum model_kind { ARP, IPV6, OTHER, TRUNCATED, MALFORMED, ICMP_ERROR, IPV4 };

struct model_frame {
	enum model_kind kind;
	__u32 bytes;
	__u32 address;
	__u32 protocol;
	int has_ports;
	__u32 port; /* destination */
	int opens_connection, is_request;
};

struct model_verdict {
	int action;
	__u32 counter;
};

int model_open(struct model *model);
void model_close(struct model *model);

/* Activates a policy, which must outlive the model, under that generation. */
void model_activate(struct model *model, const struct xrl_policy *policy,
                    const struct xrl_ports *ports, const struct policy_cidr *cidrs,
                    size_t cidr_count, __u32 generation);

/* Grants or revokes a permit, under a new generation. */
void model_permit(struct model *model, __u32 address, int permitted, __u32 generation);

struct model_frame model_parse(const unsigned char *frame, __u32 bytes);
struct model_verdict model_decide(struct model *model, const unsigned char *frame, __u32 bytes);

/* Finds a source, or its bucket of a scoped limit; creates it empty the first time. */
struct model_source *model_source_of(struct model *model, __u32 address);
struct model_bucket *model_bucket_of(struct model *model, const struct xrl_limit *limit,
                                     __u32 address);
