/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What the operator sets. The program only reads these. */

#define XRL_MAX_LIMITS  4
#define XRL_ICMP_ERRORS XRL_MAX_LIMITS /* its place among the windows of a bucket */
#define XRL_WINDOWS     (XRL_MAX_LIMITS + 1)

enum xrl_unit {
	XRL_PACKETS,
	XRL_BYTES,
	XRL_CONNECTIONS,
	XRL_UNITS,
};

enum xrl_action {
	XRL_DROP,
	XRL_REDIRECT,
	XRL_MONITOR,
};

/* N units per period. Time is counted in ticks of 2^tick_shift ns, the finest in
 * which a period is at most XRL_MAX_PERIOD_TICKS (see window.h). */
struct xrl_limit {
	__u64 max_units;
	__u64 period_ns;
	__u32 period_ticks;
	__u32 tick_shift;
	__u32 unit;             /* enum xrl_unit */
	__u32 since_generation; /* windows that an older generation opened are not of this limit */
};

/* A set of limits and what becomes of a packet that exceeds them. */
struct xrl_class {
	struct xrl_limit limits[XRL_WINDOWS]; /* the last one is for ICMP errors */
	__u32 limit_count;                    /* without the one for ICMP errors */
	__u32 action;                         /* enum xrl_action */
	__u32 jiffy_ns;
	__u32 settled_max_jiffies; /* how far ahead a bucket may be called settled */
	__u8 redirect_source_mac[6];
	__u8 redirect_destination_mac[6];
	__u32 redirect_readdress; /* 1: the two addresses above replace those of the frame */
};

/* The map `classes` holds two of them: one in force, one to be filled in. */
#define XRL_CLASS_COPIES 2

/* The one element of the map `meta`. One aligned store of `generation` puts a new
 * policy or new permits in force:
 *   - its lowest bit names the copy of the class that is in force,
 *   - a new policy adds 1 to it, a new set of permits adds 2,
 *   - a bucket that has seen another value resolves itself again.  */
struct xrl_meta {
	__u32 abi_version;
	__u32 generation;
	__u64 store_change; /* of the permit store, which the map `permits` holds; 0: unknown */
};

/* Changes whenever the layout or the meaning of a pinned map does. */
#define XRL_ABI_VERSION 2

_Static_assert(sizeof(struct xrl_limit) == 32, "no padding");
_Static_assert(sizeof(struct xrl_class) == XRL_WINDOWS * 32 + 32, "no padding");
_Static_assert(sizeof(struct xrl_meta) == 16, "no padding");
