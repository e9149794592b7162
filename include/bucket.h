/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "include/policy.h"

/* The state of one limit: one 64-bit word, because all of it changes together, by
 * compare-and-swap. All zero: nothing is used. This is what it looks like for a fixed bucket
 * of up to 2^40 units; window.h, sliding.h and token.h say how else the word is divided. */
struct xrl_window {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u64 used_units : 40;
	__u64 opened_ticks : 24; /* of the limit's tick, modulo 2^24 */
#else
	__u64 opened_ticks : 24;
	__u64 used_units : 40;
#endif
};

/* What a bucket is resolved for. Also one word. */
struct xrl_resolved {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u64 generation : 32; /* of policy and permits */
	__u64 class_number : 8;
	__u64 has_permit : 1;     /* or had: permit_until_boot_ns says for how long */
	__u64 penalty_ticks : 23; /* when it began, in the class's tick; 0: there is none */
#else
	__u64 penalty_ticks : 23;
	__u64 has_permit : 1;
	__u64 class_number : 8;
	__u64 generation : 32;
#endif
};

#define XRL_CLASSIFICATION_CLASS_SHIFT 32
#define XRL_CLASSIFICATION_PERMIT      (1ULL << 40)
#define XRL_CLASSIFICATION_BITS        41 /* what is above them is the penalty */

/* How finely it is written down when the clock was read: 2^25 ns, 34 ms. In 32 bits that is
 * more than four years. */
#define XRL_CHECKED_SHIFT 25

/* A value of the LRU map `buckets`: what is known of one source. The kernel puts it 56 bytes into
 * an element of 120, so it lies in two cache lines, most often. The fields that each packet needs
 * come first, to be in the line in which the look-up finds the address; limits.h explains the two
 * that concern time. */
struct xrl_bucket {
	struct xrl_resolved resolved;
	__u32 settled_until_jiffies; /* before this jiffy no window ends: no clock is read */
	__u32 checked_ticks;         /* when the clock was last read for this source */
	struct xrl_window icmp_errors;
	struct xrl_window windows[XRL_MAX_LIMITS];
	__u64 permit_until_boot_ns; /* 0: no permit */
};

/* A separate limit's bucket: for a source or a prefix. */
struct xrl_separate_key {
	struct xrl_address address; /* behind the prefix: zeros */
	__u32 limit_id;
};

struct xrl_separate_bucket {
	struct xrl_window window;
	__u32 checked_ticks;
	__u32 reserved;
};

/* Buckets that a whole class shares: never evicted. A cache line each. */
#define XRL_CLASS_BUCKETS 1024

struct xrl_class_bucket {
	struct xrl_separate_bucket bucket;
	__u8 reserved[48];
};

_Static_assert(sizeof(struct xrl_window) == 8, "one word, for compare-and-swap");
_Static_assert(sizeof(struct xrl_resolved) == 8, "one word, for compare-and-swap");
_Static_assert(sizeof(struct xrl_bucket) == 64,
               "56 + 64 + 16 bytes a source with the kernel's own");
_Static_assert(sizeof(struct xrl_separate_bucket) == 16, "no padding");
_Static_assert(sizeof(struct xrl_class_bucket) == 64, "a cache line");
