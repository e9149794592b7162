/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "include/address.h"
#include "user/datapath/gate.h"
#include "user/datapath/maps.h"
#include "user/policy/limit_usage.h"
#include "user/policy/policy.h"

/* The state of one source: its class, permit, penalty, and what remains of its limits. Computed as
 * the program would for a packet that arrives now; changes nothing. */

enum class_reason { BY_DEFAULT, BY_CIDR, BY_PERMIT };

/* One of its limits, as a packet that arrives now would find it. */
struct source_limit {
	const struct xrl_limit *limit;
	struct limit_usage usage;
	bool rejects; /* it would reject the packet: no room, no permit, no monitor */
};

struct source {
	struct xrl_address address;
	const struct xrl_class *class; /* of the active policy, until maps_close() */
	enum class_reason reason;
	struct policy_cidr cidr; /* if reason is BY_CIDR */
	bool has_bucket;         /* it has a bucket */
	bool is_newcomer;        /* it has no bucket, but the gate has seen it */
	struct newcomer newcomer;
	__u64 permit_until_boot_ns; /* 0: none active */
	__u64 penalty_ns;           /* remaining; 0: none */
	bool permitted;             /* a permit lets it pass whatever the limits say */
	__u64 now_ns;
	struct source_limit limits[XRL_MAX_LIMITS + XRL_MAX_SCOPED];
	__u32 limit_count;
	struct source_limit icmp_errors;
};

enum exit_code source_read(struct maps *maps, const struct xrl_address *address,
                           struct source *source);
