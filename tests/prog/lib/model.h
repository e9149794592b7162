/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What the limiter promises, said a second time and as plainly as possible: no tricks with
 * time, since every window is taken to last as long as the test, and no other CPU. Nothing
 * of this is shared with the program but the description of a policy. */

#include <linux/types.h>

#include "include/counters.h"
#include "include/policy.h"
#include "user/policy/policy.h"

struct model_source {
	__u32 address;
	int known, permitted;
	__u32 seen; /* the generation of its last packet; 0: there was none */
	__u32 class_number;
	int in_penalty;
	__u64 used[XRL_WINDOWS];
};

/* Of a limit that has a bucket apart. */
struct model_bucket {
	__u32 limit_id, address;
	int known, is_of_class;
	__u64 used;
};

struct model {
	const struct xrl_policy *policy;
	const struct xrl_ports *ports; /* that are protected */
	int protects_tcp, protects_udp;
	const struct policy_cidr *cidrs;
	size_t cidr_count;
	__u32 generation;
	struct model_source *sources; /* by hash */
	struct model_bucket *buckets;
	__u32 sources_count, buckets_count;
};

enum model_kind { ARP, IPV6, OTHER, TRUNCATED, MALFORMED, ICMP_ERROR, IPV4 };

struct model_frame {
	enum model_kind kind;
	__u32 bytes;
	__u32 address;
	__u32 protocol;
	int has_ports;
	__u32 port; /* it is sent to */
	int opens_connection, is_request;
};

struct model_verdict {
	int action;
	__u32 counter;
};

int model_open(struct model *model);
void model_close(struct model *model);

/* A new policy, which must stay where it is; `generation` is the one that it is in force with. */
void model_activate(struct model *model, const struct xrl_policy *policy,
                    const struct xrl_ports *ports, const struct policy_cidr *cidrs,
                    size_t cidr_count, __u32 generation);

/* A new set of permits; likewise. */
void model_permit(struct model *model, __u32 address, int permitted, __u32 generation);

struct model_frame model_parse(const unsigned char *frame, __u32 bytes);
struct model_verdict model_decide(struct model *model, const unsigned char *frame, __u32 bytes);

/* What is known of a source, or of its bucket of a limit: nothing, the first time. */
struct model_source *model_source_of(struct model *model, __u32 address);
struct model_bucket *model_bucket_of(struct model *model, const struct xrl_limit *limit,
                                     __u32 address);
