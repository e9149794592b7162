/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "include/policy.h"
#include "user/util/duration.h"

/* The settings of the gate ([flood]), an admission filter in front of the LRU map of buckets; see
 * bpf/verdict/admit.h. */

#define GATE_MAX_PACKETS   1000000000ULL
#define GATE_MIN_PERIOD_NS (100 * MILLISECOND_NS)
#define GATE_MAX_PERIOD_NS HOUR_NS

/* The default: on, with budgets of 50000 newcomers per second, 2000 per /24. */
void gate_set_default(struct xrl_flood *flood);

/* Computes the gate's budgets and thresholds from these settings, from the periods of the policy's
 * limits, and from the number of buckets. */
void gate_derive(struct xrl_policy *policy, __u32 sources);

/* The number of sets that the gate needs for this many buckets. */
__u32 gate_sets(__u32 sources);

/* "on", "monitor" or "off". */
const char *gate_mode_name(__u32 mode);
