/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What stands before the map `buckets` when too many unknown sources arrive. bpf/verdict/admit.h
 * has the picture. */

#include "include/address.h"

/* A few packets of a source pass without a bucket; who sends more earns one. */
#define XRL_GATE_FEW 4

/* ---- a line of the map `gate`: one cache line for some sources, by a hash ---- */

/* Who has been given a bucket: some bits each, set when that happened, in the word that belongs
 * to the epoch. In all epochs but the present one as many buckets were new as there are in the map:
 * what is older the map may have forgotten, too. */
struct xrl_known {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u64 bits : 60;
	__u64 epoch : 4;
#else
	__u64 epoch : 4;
	__u64 bits : 60;
#endif
};

/* A source without a bucket. One word, for compare-and-swap; all zero: none. */
struct xrl_newcomer {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u64 tag : 18;         /* with the number of the line, its address */
	__u64 era : 2;          /* of the floods in which this matters, 1 to 3 */
	__u64 seen_packets : 3; /* that it sent, up to 7 */
	__u64 packets : 3;      /* of these have passed */
	__u64 connections : 3;  /* and of those were such */
	__u64 http_requests : 3;
	__u64 bytes_64 : 16;    /* that passed, in units of 64, rounded up */
	__u64 first_ticks : 16; /* when it was seen first, modulo 2^16 */
#else
	__u64 first_ticks : 16;
	__u64 bytes_64 : 16;
	__u64 http_requests : 3;
	__u64 connections : 3;
	__u64 packets : 3;
	__u64 seen_packets : 3;
	__u64 era : 2;
	__u64 tag : 18;
#endif
};

#define XRL_GATE_EPOCHS 3
#define XRL_GATE_WAYS   5

struct xrl_gate_line {
	struct xrl_known known[XRL_GATE_EPOCHS];
	struct xrl_newcomer newcomers[XRL_GATE_WAYS];
};

/* For so many buckets there is a line: 8 bytes for each. With fewer than 16384 lines the tag would
 * not be enough of the address. */
#define XRL_BUCKETS_PER_SET 8
#define XRL_MIN_GATE_SETS   16384

/* ---- what the operator sets, in a policy ---- */

enum xrl_flood_mode {
	XRL_FLOOD_OFF,
	XRL_FLOOD_MONITOR, /* counts what it would refuse */
	XRL_FLOOD_ON,
};

/* So many in each slice of 2^shift jiffies: what a rate amounts to. */
struct xrl_share {
	__u32 shift;
	__u32 max_units;
};

/* The first group of fields is what the operator wrote, the second follows from it and from the
 * number of buckets (flood_finish). */
struct xrl_flood {
	__u64 newcomers_packets; /* of all unknown sources together */
	__u64 newcomers_period_ns;
	__u64 prefix_packets; /* of the unknown ones of a /24 */
	__u64 prefix_period_ns;
	__u32 mode; /* enum xrl_flood_mode */

	__u32 kept_ticks; /* of the gate: for so long a line remembers who has passed */
	struct xrl_share newcomers;
	struct xrl_share first; /* of them, those that are seen for the first time */
	struct xrl_share prefix;
	struct xrl_share promoted; /* buckets given to newcomers */
	struct xrl_share engage;   /* new sources in a slice: the gate engages */
	__u32 engage_when_full;    /* the same when all buckets are taken */
	__u32 engage_batch;        /* so many at once are counted, once it has */
	__u64 remembered_ns; /* the longest of the limits: what has passed before doesn't matter */
	__u32 reserved[8];
};

/* ---- the state of the gate: one variable, the map `flood` ---- */

/* Counting sketch for the /24s: two rows, a prefix has a place in each. */
#define XRL_PREFIX_ROWS  2
#define XRL_PREFIX_CELLS 32768

/* How many were taken of a share in the slice with this number. One word. */
struct xrl_taken {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u32 units, slice;
#else
	__u32 slice, units;
#endif
};

/* Of one CPU, in a cache line; those beyond the last one share, and may miscount a little. */
#define XRL_GATE_CPUS 256

struct xrl_gate_cpu {
	__u64 unknown_sources; /* packets that were the first of a source, as far as is remembered
	                        */
	__u64 promoted_sources;
	__u32 batch; /* of unknown_sources, not yet in `arrivals` */
	__u32 reserved[11];
};

/* A bit for each of so many parts of all addresses, by their hash: most have no permit, and that
 * needs no look-up. */
#define XRL_PERMIT_BITS  20
#define XRL_PERMIT_BYTES ((1 << XRL_PERMIT_BITS) / 8)

struct xrl_flood_state {
	/* read with each packet, and seldom written */
	__u64 engaged_until_jiffies; /* 0: the gate is out of the way */
	__u64 hash_key;              /* random, so that nobody can choose a line */
	__u32 lines;                 /* of the map `gate` */
	__u32 sources;               /* buckets in the map `buckets` */
	__u32 epoch;
	__u32 era; /* 1 to 3; another one when a flood begins and the last one doesn't matter */
	__u64 since_boot_ns; /* when it engaged, or got out of the way, last; 0: never did */
	__u64 engaged_times;
	__u32 epoch_began_ticks; /* of XRL_CHECKED_SHIFT */
	__u32 reserved_too[3];

	/* written when a source is new */
	struct xrl_taken arrivals;        /* unknown sources, in this slice of `engage` */
	struct xrl_taken arrivals_before; /* in the one before, that had any */
	__u64 insertions;                 /* buckets that were ever made */
	__u64 reserved_for_line[5];

	struct xrl_taken newcomers;
	struct xrl_taken first; /* of them */
	__u64 reserved_for_newcomers[6];
	struct xrl_taken promoted;
	__u64 reserved_for_promoted[7];

	struct xrl_taken prefixes[XRL_PREFIX_ROWS][XRL_PREFIX_CELLS];
	__u8 permits[XRL_PERMIT_BYTES]; /* of addresses that were ever in the map `permits` */
	struct xrl_gate_cpu cpus[XRL_GATE_CPUS];
};

_Static_assert(sizeof(struct xrl_known) == 8, "one word, for compare-and-swap");
_Static_assert(sizeof(struct xrl_newcomer) == 8, "one word, for compare-and-swap");
_Static_assert(sizeof(struct xrl_gate_line) == 64, "a cache line");
_Static_assert(sizeof(struct xrl_taken) == 8, "one word, for compare-and-swap");
_Static_assert(sizeof(struct xrl_gate_cpu) == 64, "a cache line");
_Static_assert(sizeof(struct xrl_flood) == 128, "no padding");
