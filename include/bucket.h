/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "policy.h"

#define XRL_USED_BITS 40
#define XRL_TICK_BITS 24

/* How much of one limit a source has used, and since when. Both halves are one
 * 64-bit word because they change together, by compare-and-swap. All zero: no
 * window is open. */
struct xrl_window {
	__u64 used_units : XRL_USED_BITS;
	__u64 opened_ticks : XRL_TICK_BITS; /* of the limit's tick, modulo 2^24 */
};

/* A value of the LRU map `buckets`: what is known of one source. The hot fields
 * come first; window.h explains the two that concern time. */
struct xrl_bucket {
	__u32 generation;            /* of policy and permits that it was resolved for */
	__u32 settled_until_jiffies; /* before this jiffy no window ends: no clock is read */
	__u64 permit_until_boot_ns;  /* 0: no permit */
	struct xrl_window windows[XRL_WINDOWS];
	__u64 checked_boot_ns; /* when the clock was last read for this source */
};

_Static_assert(sizeof(struct xrl_window) == 8, "one word, for compare-and-swap");
_Static_assert(sizeof(struct xrl_bucket) == 64,
               "56 + 64 + 16 bytes a source with the kernel's own");
