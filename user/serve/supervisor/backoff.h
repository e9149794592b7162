/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/serve/now.h"

/* How long to wait before a child is started anew: longer and longer when one after the other
 * dies young. */
#define PAUSE_MIN_NS (100 * MILLISECOND_NS)
#define PAUSE_MAX_NS (5 * SECOND_NS)

static inline __u64 pause_after(__u64 *pause_ns, __u64 lived_ns)
{
	__u64 now_pause_ns;

	if (lived_ns > PAUSE_MAX_NS || *pause_ns < PAUSE_MIN_NS)
		*pause_ns = PAUSE_MIN_NS;
	now_pause_ns = *pause_ns;
	*pause_ns = 2 * now_pause_ns < PAUSE_MAX_NS ? 2 * now_pause_ns : PAUSE_MAX_NS;
	return now_pause_ns;
}
