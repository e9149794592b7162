/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <netinet/in.h>
#include <linux/types.h>

/* Limits wrong tokens by client: a burst, then one per interval. Fixed memory: if too many clients
 * share a set, the stalest one is forgotten. */

#define AUTH_THROTTLE_BURST       5
#define AUTH_THROTTLE_INTERVAL_NS 10000000000ULL
#define AUTH_THROTTLE_WAYS        8
#define AUTH_THROTTLE_SETS        512

struct auth_throttle_slot {
	struct in6_addr key;
	__u64 forgiven_ns; /* when the last of its wrong tokens is forgiven; 0: unused */
};

struct auth_throttle {
	__u64 seed; /* random, so that clients cannot choose collisions */
	struct auth_throttle_slot slots[AUTH_THROTTLE_SETS][AUTH_THROTTLE_WAYS];
};

/* 0: a token may be checked. Otherwise the time until one may. */
__u64 auth_throttle_wait_ns(const struct auth_throttle *throttle, const struct in6_addr *key,
                            __u64 now_ns);

void auth_throttle_count_failure(struct auth_throttle *throttle, const struct in6_addr *key,
                                 __u64 now_ns);
