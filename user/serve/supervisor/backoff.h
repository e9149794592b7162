/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/serve/now.h"

/* Delay before a child is restarted; it grows while children die soon after their start. */
#define BACKOFF_MIN_NS (100 * MILLISECOND_NS)
#define BACKOFF_MAX_NS (5 * SECOND_NS)

static inline __u64 backoff_next(__u64 *backoff_ns, __u64 lived_ns)
{
	__u64 now_backoff_ns;

	if (lived_ns > BACKOFF_MAX_NS || *backoff_ns < BACKOFF_MIN_NS)
		*backoff_ns = BACKOFF_MIN_NS;
	now_backoff_ns = *backoff_ns;
	*backoff_ns = 2 * now_backoff_ns < BACKOFF_MAX_NS ? 2 * now_backoff_ns : BACKOFF_MAX_NS;
	return now_backoff_ns;
}
