/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "include/policy.h"

/* The state of one limit: a single 64-bit word, because all of it changes together, by
 * compare-and-swap (CAS). Zero means nothing is used. These fields are those of a fixed window of
 * up to 2^40 units; bpf/limit/ draws the layouts of the other algorithms. */
struct xrl_window {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u64 used_units : 40;
	__u64 opened_ticks : 24; /* in the limit's tick, modulo 2^24 */
#else
	__u64 opened_ticks : 24;
	__u64 used_units : 40;
#endif
};

/* The policy generation and class this bucket was classified under. One word, for CAS. */
struct xrl_resolved {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u64 generation : 32; /* of policy and permits */
	__u64 class_number : 8;
	__u64 has_permit : 1;     /* or had one: see permit_until_boot_ns */
	__u64 penalty_ticks : 23; /* start, in the class's tick; 0: no penalty */
#else
	__u64 penalty_ticks : 23;
	__u64 has_permit : 1;
	__u64 class_number : 8;
	__u64 generation : 32;
#endif
};

#define XRL_CLASSIFICATION_CLASS_SHIFT 32
#define XRL_CLASSIFICATION_PERMIT      (1ULL << 40)
#define XRL_CLASSIFICATION_BITS        41 /* the bits above hold the penalty */

/* The resolution of checked_ticks: 2^25 ns, or 34 ms. 32 bits of it wrap around after 4.6 years. */
#define XRL_CHECKED_SHIFT 25

/* A value of the LRU map `buckets`: all state of one source. The kernel places it at byte 56 of a
 * 120-byte element, so it usually spans two cache lines. The fields that every packet needs come
 * first: they share the line in which the lookup finds the address. bpf/limit/source_limits.h
 * explains the two time fields. */
struct xrl_bucket {
	struct xrl_resolved resolved;
	__u32 settled_until_jiffies; /* no window expires before this jiffy: fresh until then */
	__u32 checked_ticks;         /* when the clock was last read for this source */
	struct xrl_window icmp_errors;
	struct xrl_window windows[XRL_MAX_LIMITS];
	__u64 permit_until_boot_ns; /* 0: no permit */
};

/* The bucket of a scoped limit, for one source or one prefix. */
struct xrl_separate_key {
	struct xrl_address address; /* host bits are zero */
	__u32 limit_id;
};

struct xrl_separate_bucket {
	struct xrl_window window;
	__u32 checked_ticks;
	__u32 reserved;
};

/* Buckets shared by a whole class: never evicted, one cache line each. */
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
