/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>

#include "user/datapath/gate_status.h"
#include "user/datapath/maps.h"
#include "user/policy/limit_usage.h"
#include "user/policy/policy.h"
#include "include/address.h"

/* What is left to a source, by the program's own arithmetic and without changing anything. */

enum class_reason { BY_DEFAULT, BY_CIDR, BY_PERMIT };

/* One of its limits, as it would be found by a packet now. */
struct source_limit {
	const struct xrl_limit *limit;
	struct limit_usage usage;
	bool refuses; /* no room, and nothing lets the packet pass all the same */
};

struct source {
	struct xrl_address address;
	const struct xrl_class *class; /* of the policy, while the maps is open */
	enum class_reason reason;
	struct policy_cidr cidr; /* by which, where that is the reason */
	bool known;              /* it has a bucket */
	bool is_newcomer;        /* it has none, but the gate has seen it */
	struct newcomer newcomer;
	__u64 permit_until_boot_ns; /* 0: none in force */
	__u64 penalty_ns;           /* from now; 0: none */
	bool permitted;             /* by the permit, whatever the limits say */
	__u64 now_ns;
	struct source_limit limits[XRL_MAX_LIMITS + XRL_MAX_SCOPED];
	__u32 limit_count;
	struct source_limit icmp_errors;
};

enum exit_code source_read(struct maps *maps, const struct xrl_address *address,
                           struct source *source);

const char *source_reason(const struct source *source);

/* As `show IP --json` has it. */
json_t *source_json(const struct source *source);

/* All of it for one address, with the pin directory locked meanwhile. EXIT_NOT_FOUND when nothing
 * is attached. */
enum exit_code source_look_up(const char *pin_dir, const struct xrl_address *address,
                              json_t **json);
