/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The maps and settings of the gate, which protects `buckets` from floods of new sources.
 * bpf/verdict/admit.h draws its decisions, bpf/README.md its data. */

#include "include/address.h"

/* A source may pass this many packets without a bucket; with the next one it earns a bucket. */
#define XRL_GATE_FEW 4

/* ---- a set of the map `gate`: one cache line, chosen by the hash of the source ---- */

/* One word of the residents filter: the bits of sources that received a bucket during one epoch.
 * The completed epochs together span as many insertions as `buckets` has entries, so anything older
 * may already have been evicted. */
struct xrl_known {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u64 bits : 60;
	__u64 epoch : 4;
#else
	__u64 epoch : 4;
	__u64 bits : 60;
#endif
};

/* A candidate: a source without a bucket. One word, for compare-and-swap; zero means empty. */
struct xrl_newcomer {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u64 tag : 18;         /* identifies the address within its set */
	__u64 era : 2;          /* flood number, 1 to 3; other floods' entries are void */
	__u64 seen_packets : 3; /* hits, saturating at 7 */
	__u64 packets : 3;      /* admitted */
	__u64 connections : 3;  /* admitted connection attempts */
	__u64 http_requests : 3;
	__u64 bytes_64 : 16;    /* admitted, in units of 64 bytes, rounded up */
	__u64 first_ticks : 16; /* time of the first hit, modulo 2^16 */
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

/* One set for this many buckets, which amounts to 8 bytes of gate per bucket. Below 16384 sets, the
 * tag holds too few bits to identify an address. */
#define XRL_BUCKETS_PER_SET 8
#define XRL_MIN_GATE_SETS   16384

/* ---- settings, part of a policy ---- */

enum xrl_flood_mode {
	XRL_FLOOD_OFF,
	XRL_FLOOD_MONITOR, /* counts what it would reject */
	XRL_FLOOD_ON,
};

/* A budget: max_units per interval of 2^shift jiffies. The kernel-side form of a rate. */
struct xrl_share {
	__u32 shift;
	__u32 max_units;
};

/* The operator sets the first group of fields. gate_derive derives the second one from it and from
 * the number of buckets. */
struct xrl_flood {
	__u64 newcomers_packets; /* of all unknown sources together */
	__u64 newcomers_period_ns;
	__u64 prefix_packets; /* of the unknown sources of one /24 */
	__u64 prefix_period_ns;
	__u32 mode; /* enum xrl_flood_mode */

	__u32 kept_ticks; /* gate ticks for which an admitted candidate is not evicted */
	struct xrl_share newcomers;
	struct xrl_share first; /* of these, first-time sources */
	struct xrl_share prefix;
	struct xrl_share promoted; /* buckets for candidates */
	struct xrl_share engage;   /* new sources per interval at which the gate engages */
	__u32 engage_when_full;    /* the same once all buckets are in use */
	__u32 engage_batch;        /* arrivals added at once while engaged */
	__u64 remembered_ns;       /* the longest lifetime of any limit */
	__u32 reserved[8];
};

/* ---- state of the gate: one variable, the map `flood` ---- */

/* A count-min sketch with conservative use, which counts the packets of each /24: two rows, one
 * cell of each per prefix. */
#define XRL_PREFIX_ROWS  2
#define XRL_PREFIX_CELLS 32768

/* Units taken from a budget in the interval of this number. One word. */
struct xrl_taken {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u32 units, slice;
#else
	__u32 slice, units;
#endif
};

/* State of one CPU, one cache line each. CPUs beyond the last slot share slots and may miscount
 * slightly. */
#define XRL_GATE_CPUS 256

struct xrl_gate_cpu {
	__u64 unknown_sources; /* first packets of a source, as far as remembered */
	__u64 promoted_sources;
	__u32 batch; /* of unknown_sources, not yet added to `arrivals` */
	__u32 reserved[11];
};

/* Permit prefilter: a Bloom filter with one hash, of 2^20 bits. Most sources have no permit, and
 * their bit says so without a map lookup. */
#define XRL_PERMIT_BITS  20
#define XRL_PERMIT_BYTES ((1 << XRL_PERMIT_BITS) / 8)

struct xrl_flood_state {
	/* read by every packet, rarely written */
	__u64 engaged_until_jiffies; /* 0: not engaged */
	__u64 hash_key;              /* random, so that no one can choose a set */
	__u32 lines;                 /* sets in the map `gate` */
	__u32 sources;               /* entries of the map `buckets` */
	__u32 epoch;
	__u32 era;           /* flood number, 1 to 3 */
	__u64 since_boot_ns; /* last time the gate engaged or disengaged; 0: never */
	__u64 engaged_times;
	__u32 epoch_began_ticks; /* in units of 2^XRL_CHECKED_SHIFT ns */
	__u32 reserved_too[3];

	/* written when a source is new */
	struct xrl_taken arrivals;        /* unknown sources in this interval of `engage` */
	struct xrl_taken arrivals_before; /* in the last interval that had any */
	__u64 insertions;                 /* buckets ever created */
	__u64 reserved_for_line[5];

	struct xrl_taken newcomers;
	struct xrl_taken first; /* of these, first-time sources */
	__u64 reserved_for_newcomers[6];
	struct xrl_taken promoted;
	__u64 reserved_for_promoted[7];

	struct xrl_taken prefixes[XRL_PREFIX_ROWS][XRL_PREFIX_CELLS];
	__u8 permits[XRL_PERMIT_BYTES]; /* set for every address ever put into the map `permits` */
	struct xrl_gate_cpu cpus[XRL_GATE_CPUS];
};

_Static_assert(sizeof(struct xrl_known) == 8, "one word, for compare-and-swap");
_Static_assert(sizeof(struct xrl_newcomer) == 8, "one word, for compare-and-swap");
_Static_assert(sizeof(struct xrl_gate_line) == 64, "a cache line");
_Static_assert(sizeof(struct xrl_taken) == 8, "one word, for compare-and-swap");
_Static_assert(sizeof(struct xrl_gate_cpu) == 64, "a cache line");
_Static_assert(sizeof(struct xrl_flood) == 128, "no padding");
