/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What the operator sets. The program only reads these. */

#include "include/address.h"
#include "include/gate.h"

#define XRL_MAX_LIMITS      4 /* whose buckets are in the source's own value of `buckets` */
#define XRL_ICMP_ERRORS     XRL_MAX_LIMITS /* the place of the one for ICMP errors, behind them */
#define XRL_WINDOWS         (XRL_MAX_LIMITS + 1)
#define XRL_MAX_SCOPED      8 /* limits with an endpoint or another scope: a bucket apart */
#define XRL_MAX_CLASSES     256
#define XRL_CLASS_NAME_SIZE 32
#define XRL_MAX_CIDRS       65536

enum xrl_unit {
	XRL_PACKETS,
	XRL_BYTES,
	XRL_CONNECTIONS,
	XRL_HTTP_REQUESTS,
	XRL_UNITS,
};

enum xrl_algorithm {
	XRL_FIXED,
	XRL_SLIDING,
	XRL_TOKEN,
	XRL_ALGORITHMS,
};

enum xrl_action {
	XRL_DROP,
	XRL_REDIRECT,
	XRL_MONITOR,
};

/* Whom a bucket is for. Between the two: a prefix of so many bits. */
#define XRL_SCOPE_CLASS  0
#define XRL_SCOPE_SOURCE 32

/* N units per period. What follows from the text of the policy and is only there to save the
 * program a computation is filled in by limit_set. */
struct xrl_limit {
	__u64 max_units;  /* a window holds; a token bucket holds (its burst) */
	__u64 rate_units; /* N as it stands in the policy; max_units but for a token bucket */
	__u64 period_ns;
	__u64 warn_units;       /* who has used so many is near the limit; 0: not asked */
	__u64 token_cost;       /* time that one unit takes, in 2^-token_shift ns */
	__u32 since_generation; /* older buckets are not of this limit */
	__u32 id;               /* of a separate limit: in the keys of its buckets, or its place in
	                           class_buckets. 0: it has none */
	__u32 period_ticks;     /* of 2^tick_shift ns */
	__u16 first_port, last_port; /* of the endpoint */
	__u8 endpoint_protocol;      /* IPPROTO_TCP or _UDP; 0: no endpoint */
	__u8 scope_bits;             /* XRL_SCOPE_SOURCE, _CLASS, or the length of a prefix */
	__u8 unit;                   /* enum xrl_unit */
	__u8 algorithm;              /* enum xrl_algorithm */
	__u8 tick_shift;
	__u8 used_bits; /* of a window's word, the lowest */
	__u8 token_shift;
	__u8 reserved;
};

/* A set of limits and what becomes of a packet that exceeds them. Without limits: trusted. */
struct xrl_class {
	__u32 limit_count;    /* of limits[], without the one for ICMP errors; places without a
	                         period among them are empty */
	__u32 separate_count; /* of separate[] */
	__u32 action;         /* enum xrl_action */
	__u32 warns;          /* 1: limits have warn_units */
	__u32 jiffy_ns;
	__u32 settled_max_jiffies; /* how far ahead a bucket may be called settled */
	__u8 redirect_source_mac[6];
	__u8 redirect_destination_mac[6];
	__u32 redirect_readdress; /* 1: the two addresses above replace those of the frame */
	__u32 warn_percent;       /* 0: none */
	__u32 is_plain; /* 1: one fixed bucket of up to 2^40 packets, and nothing else to heed */
	__u32 newcomer_packets;  /* that a source may send without a bucket */
	__u32 newcomer_bytes_64; /* the same in units of 64 bytes */
	__u32 units;             /* a bit for each enum xrl_unit that some limit counts */
	__u32 newcomer_ticks;    /* so long, in ticks of the gate, is remembered what it sent */
	struct xrl_limit limits[XRL_WINDOWS]; /* the last one is for ICMP errors */
	struct xrl_limit penalty;             /* only its period counts; 0: none */
	struct xrl_limit separate[XRL_MAX_SCOPED];
	char name[XRL_CLASS_NAME_SIZE]; /* empty: no such class */
	__u8 reserved_too[32];
};

/* What has to be found out about a packet for this policy. */
enum xrl_wants {
	XRL_WANTS_PORTS = 1 << 0,
	XRL_WANTS_HTTP = 1 << 1,
	XRL_PROTECTS = 1 << 2,     /* only what `protected_ports` names is limited */
	XRL_PROTECTS_TCP = 1 << 3, /* at least one port of it */
	XRL_PROTECTS_UDP = 1 << 4,
	XRL_WANTS_CONNECTIONS = 1 << 5, /* else the gate may take each packet for none */
};

#define XRL_POLICY_FILE_SIZE 188

/* A bit for each /16, and for each /20, so that most addresses need no look-up in `cidrs`: the
 * first stay in a cache of the processor that is near, the others tell more. */
#define XRL_NETWORK_BITS  16
#define XRL_NETWORK_BYTES ((1 << XRL_NETWORK_BITS) / 8)
#define XRL_SUBNET_BITS   20
#define XRL_SUBNET_BYTES  ((1 << XRL_SUBNET_BITS) / 8)

/* All of it but for the CIDRs, which are in the map `cidrs`. */
struct xrl_policy {
	__u32 wants; /* enum xrl_wants */
	__u32 default_class;
	__u32 permitted_class; /* with limits; XRL_MAX_CLASSES: sources with a permit have none */
	__u32 cidr_count;
	__u32 last_limit_id;    /* the highest that was ever given */
	__u32 separate_entries; /* that the map of separate buckets is made for */
	__u64 since_unix_seconds;
	__u8 sha256[32];                 /* of the file */
	__u32 actions_replaced;          /* 1: on the command line, those of the file */
	char file[XRL_POLICY_FILE_SIZE]; /* empty: from the command line, or the default */
	struct xrl_flood flood;
	__u8 networks[XRL_NETWORK_BYTES]; /* where CIDRs are */
	__u8 subnets[XRL_SUBNET_BYTES];
	struct xrl_class classes[XRL_MAX_CLASSES];
};

/* A bit for each destination port, of those that are protected. */
struct xrl_ports {
	__u8 tcp[8192];
	__u8 udp[8192];
};

/* The key of a longest-prefix map of `cidrs`. Its value is the number of a class. */
struct xrl_cidr {
	__u32 prefix_bits;
	struct xrl_address address;
};

/* There are two copies of a policy: one in force, one to be filled in. */
#define XRL_COPIES 2

/* One aligned store of `generation` puts a new policy or new permits in force:
 *   - its lowest bit names the copy of the policy that is in force,
 *   - a new policy adds 1 to it, a new set of permits adds 2,
 *   - a bucket that has seen another value resolves itself again.  */
struct xrl_meta {
	__u32 abi_version;
	__u32 generation;
	__u64 store_change;     /* of the permit store, which the map `permits` holds; 0: unknown */
	__u32 may_have_permits; /* 0: no permit was ever written to the map `permits` */
	__u32 reserved;
};

/* Changes whenever the layout or the meaning of a pinned map does. */
#define XRL_ABI_VERSION 6

_Static_assert(sizeof(struct xrl_limit) == 64, "one cache line");
_Static_assert(sizeof(struct xrl_class) == 1024, "no padding");
_Static_assert(sizeof(struct xrl_policy) == 139648 + XRL_MAX_CLASSES * 1024, "no padding");
_Static_assert(sizeof(struct xrl_meta) == 24, "no padding");
