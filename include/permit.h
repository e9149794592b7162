/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A value of the map `permits`. Boot time (CLOCK_BOOTTIME) advances during suspend and cannot be
 * set, so a permit expires exactly when promised. */
struct xrl_permit {
	__u64 until_boot_ns;
};

#define XRL_MAX_PERMITS 65536

_Static_assert(sizeof(struct xrl_permit) == 8, "the layout of the permits map is kept for ever");
