/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "include/policy.h"
#include "user/util/duration.h"

/* What the policy says of floods of unknown sources ([flood]); bpf/verdict/admit.h says what is
 * done. */

#define GATE_MAX_PACKETS   1000000000ULL
#define GATE_MIN_PERIOD_NS (100 * MILLISECOND_NS)
#define GATE_MAX_PERIOD_NS HOUR_NS

/* The gate on, 50000 newcomers a second, 2000 of a /24. */
void gate_set_default(struct xrl_flood *flood);

/* Computes what follows from that, from the periods of the policy's limits, and from how many
 * buckets there are. */
void gate_derive(struct xrl_policy *policy, __u32 sources);

/* So many lines does the gate need for that many buckets. */
__u32 gate_sets(__u32 sources);

/* "on", "monitor" or "off". */
const char *gate_mode_name(__u32 mode);
