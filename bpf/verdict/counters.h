/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "bpf/maps.h"

/* No atomics: the counters are per CPU, and a CPU runs one XDP program at a time (softirqs do not
 * interrupt each other). */
static __always_inline void counter_add(__u32 counter, __u32 bytes)
{
	__u32 zero = 0;
	struct xrl_counter_pair *pairs = bpf_map_lookup_elem(&counters, &zero);

	if (!pairs || counter >= XRL_COUNTERS)
		return;
	pairs[counter].packets++;
	pairs[counter].bytes += bytes;
}
