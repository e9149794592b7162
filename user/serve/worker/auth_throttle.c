// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/worker/auth_throttle.h"

#include <string.h>

/* A slot holds one point in time. Every wrong token moves it forward by an interval:
 *
 *       now                                forgiven
 *        |--interval--|--interval--|--interval--|
 *
 * While it is less than a whole burst ahead, another token may be tried. */
#define BURST_NS ((AUTH_THROTTLE_BURST - 1) * AUTH_THROTTLE_INTERVAL_NS)

/* The finalizer of a 64-bit mixer: every bit of the input reaches every bit of the output. */
static __u64 mix(__u64 word)
{
	word ^= word >> 32;
	word *= 0xd6e8feb86659fd93ULL;
	word ^= word >> 32;
	word *= 0xd6e8feb86659fd93ULL;
	return word ^ (word >> 32);
}

static unsigned int set_of(const struct auth_throttle *throttle, const struct in6_addr *key)
{
	__u64 halves[2];

	memcpy(halves, key, sizeof(halves));
	return mix(mix(throttle->seed ^ halves[0]) ^ halves[1]) % AUTH_THROTTLE_SETS;
}

__u64 auth_throttle_wait_ns(const struct auth_throttle *throttle, const struct in6_addr *key,
                            __u64 now_ns)
{
	const struct auth_throttle_slot *set = throttle->slots[set_of(throttle, key)];

	for (int i = 0; i < AUTH_THROTTLE_WAYS; i++) {
		if (set[i].forgiven_ns <= now_ns || memcmp(&set[i].key, key, sizeof(*key)))
			continue;
		return set[i].forgiven_ns > now_ns + BURST_NS
		               ? set[i].forgiven_ns - BURST_NS - now_ns
		               : 0;
	}
	return 0;
}

/* Its own slot, or the one that is forgiven first. */
static struct auth_throttle_slot *slot_for(struct auth_throttle *throttle,
                                           const struct in6_addr *key)
{
	struct auth_throttle_slot *set = throttle->slots[set_of(throttle, key)], *stalest = set;

	for (int i = 0; i < AUTH_THROTTLE_WAYS; i++) {
		if (set[i].forgiven_ns && !memcmp(&set[i].key, key, sizeof(*key)))
			return &set[i];
		if (set[i].forgiven_ns < stalest->forgiven_ns)
			stalest = &set[i];
	}
	*stalest = (struct auth_throttle_slot){.key = *key};
	return stalest;
}

void auth_throttle_count_failure(struct auth_throttle *throttle, const struct in6_addr *key,
                                 __u64 now_ns)
{
	struct auth_throttle_slot *slot = slot_for(throttle, key);

	if (slot->forgiven_ns < now_ns)
		slot->forgiven_ns = now_ns;
	slot->forgiven_ns += AUTH_THROTTLE_INTERVAL_NS;
}
