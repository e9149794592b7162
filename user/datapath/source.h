/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>

#include "user/datapath/flood_state.h"
#include "user/datapath/maps.h"
#include "user/policy/limit_usage.h"
#include "user/policy/policy.h"
#include "include/address.h"

/* What is left to a source, by the program's own arithmetic and without changing anything. */

enum class_reason { BY_DEFAULT, BY_CIDR, BY_PERMIT };

/* One of its limits, as it would be found by a packet now. */
struct source_limit {
	const struct xrl_limit *limit;
	struct limit_rest rest;
	bool refuses; /* no room, and nothing lets the packet pass all the same */
};

struct source_state {
	struct xrl_address address;
	const struct xrl_class *class; /* of the policy, while the instance is open */
	enum class_reason reason;
	struct policy_cidr cidr; /* by which, where that is the reason */
	bool known;              /* it has a bucket */
	bool is_newcomer;        /* it has none, but the gate has seen it */
	struct newcomer_state newcomer;
	__u64 permit_until_boot_ns; /* 0: none in force */
	__u64 penalty_ns;           /* from now; 0: none */
	bool permitted;             /* by the permit, whatever the limits say */
	__u64 now_ns;
	struct source_limit limits[XRL_MAX_LIMITS + XRL_MAX_SCOPED];
	__u32 limit_count;
	struct source_limit icmp_errors;
};

enum exit_code source_state_read(struct instance *instance, const struct xrl_address *address,
                                 struct source_state *source);

const char *source_state_reason(const struct source_state *source);

/* As `show IP --json` has it. */
json_t *source_state_json(const struct source_state *source);

/* All of it for one address, with the pin directory locked meanwhile. EXIT_NOT_FOUND when nothing
 * is attached. */
enum exit_code source_state_look_up(const char *pin_dir, const struct xrl_address *address,
                                    json_t **json);
