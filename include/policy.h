/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A policy as the program reads it. Only the loader writes these structs. */

#include "include/address.h"
#include "include/gate.h"

#define XRL_MAX_LIMITS      4              /* limits whose state is in the source's own bucket */
#define XRL_ICMP_ERRORS     XRL_MAX_LIMITS /* index of the ICMP error limit, behind the others */
#define XRL_WINDOWS         (XRL_MAX_LIMITS + 1)
#define XRL_MAX_SCOPED      8 /* limits with an endpoint or a scope, with buckets of their own */
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

/* The scope of a bucket: the number of prefix bits of a source that share it. */
#define XRL_SCOPE_CLASS  0
#define XRL_SCOPE_SOURCE 32

/* N units per period. limit_set computes the fields that spare the program a calculation. */
struct xrl_limit {
	__u64 max_units;  /* capacity of a window, or the burst of a token bucket */
	__u64 rate_units; /* N of the policy; equals max_units but for token buckets */
	__u64 period_ns;
	__u64 warn_units;       /* "near limit" from this many used units; 0: never */
	__u64 token_cost;       /* time one unit costs, in 2^-token_shift ns */
	__u32 since_generation; /* state of older generations belongs to another limit */
	__u32 id; /* of a scoped limit: part of its buckets' keys, or an index of class_buckets; 0:
	             not scoped */
	__u32 period_ticks;          /* of 2^tick_shift ns */
	__u16 first_port, last_port; /* of the endpoint */
	__u8 endpoint_protocol;      /* IPPROTO_TCP or _UDP; 0: no endpoint */
	__u8 scope_bits;             /* XRL_SCOPE_SOURCE, _CLASS, or a prefix length */
	__u8 unit;                   /* enum xrl_unit */
	__u8 algorithm;              /* enum xrl_algorithm */
	__u8 tick_shift;
	__u8 used_bits; /* the low bits of a window's word, which count units */
	__u8 token_shift;
	__u8 reserved;
};

/* A set of limits, and the action for packets that exceed them. Without limits: trusted. */
struct xrl_class {
	__u32 limit_count; /* of limits[], without the ICMP error limit; removed limits leave slots
	                      with period_ns == 0 */
	__u32 separate_count; /* of separate[]: the scoped limits */
	__u32 action;         /* enum xrl_action */
	__u32 warns;          /* 1: some limit has warn_units */
	__u32 jiffy_ns;
	__u32 settled_max_jiffies; /* how far ahead settled_until_jiffies may lie */
	__u8 redirect_source_mac[6];
	__u8 redirect_destination_mac[6];
	__u32 redirect_readdress; /* 1: the two MAC addresses replace those of the frame */
	__u32 warn_percent;       /* 0: none */
	__u32 is_plain; /* 1: a simple class, one fixed window of up to 2^40 packets and nothing
	                   else */
	__u32 newcomer_packets;  /* admitted of one source without a bucket */
	__u32 newcomer_bytes_64; /* the same in units of 64 bytes */
	__u32 units;             /* a bit per enum xrl_unit that some limit counts */
	__u32 newcomer_ticks;    /* gate ticks for which a candidate's packets are remembered */
	struct xrl_limit limits[XRL_WINDOWS]; /* the last one limits ICMP errors */
	struct xrl_limit penalty;             /* only its period counts; 0: none */
	struct xrl_limit separate[XRL_MAX_SCOPED];
	char name[XRL_CLASS_NAME_SIZE]; /* empty: no such class */
	__u8 reserved_too[32];
};

/* What the parser has to find out about packets under this policy. */
enum xrl_wants {
	XRL_WANTS_PORTS = 1 << 0,
	XRL_WANTS_HTTP = 1 << 1,
	XRL_PROTECTS = 1 << 2,     /* only packets to protected_ports are limited */
	XRL_PROTECTS_TCP = 1 << 3, /* at least one TCP port is protected */
	XRL_PROTECTS_UDP = 1 << 4,
	XRL_WANTS_CONNECTIONS = 1 << 5, /* without it, the gate treats no packet as a connection */
};

#define XRL_POLICY_FILE_SIZE 188

/* Two bitmaps of the address space tell where CIDRs are, so that most addresses need no lookup in
 * `cidrs`: one bit per /16, small enough for a near cache, and one per /20, for precision. */
#define XRL_NETWORK_BITS  16
#define XRL_NETWORK_BYTES ((1 << XRL_NETWORK_BITS) / 8)
#define XRL_SUBNET_BITS   20
#define XRL_SUBNET_BYTES  ((1 << XRL_SUBNET_BITS) / 8)

/* A complete policy, but for the CIDRs, which are in the map `cidrs`. */
struct xrl_policy {
	__u32 wants; /* enum xrl_wants */
	__u32 default_class;
	__u32 permitted_class; /* the class of sources with a permit; XRL_MAX_CLASSES: they are
	                          unlimited */
	__u32 cidr_count;
	__u32 last_limit_id;    /* the highest id ever assigned */
	__u32 separate_entries; /* capacity of the map of scoped buckets */
	__u64 since_unix_seconds;
	__u8 sha256[32];                 /* of the file */
	__u32 actions_replaced;          /* 1: the command line replaces the file's actions */
	char file[XRL_POLICY_FILE_SIZE]; /* empty: from the command line, or the default */
	struct xrl_flood flood;
	__u8 networks[XRL_NETWORK_BYTES]; /* /16 networks with CIDRs */
	__u8 subnets[XRL_SUBNET_BYTES];
	struct xrl_class classes[XRL_MAX_CLASSES];
};

/* A bit per destination port, set for protected ports. */
struct xrl_ports {
	__u8 tcp[8192];
	__u8 udp[8192];
};

/* The key of a longest-prefix-match map in `cidrs`. The value is a class number. */
struct xrl_cidr {
	__u32 prefix_bits;
	struct xrl_address address;
};

/* Two copies of a policy exist: the active one, and one the loader may write. */
#define XRL_COPIES 2

/* One aligned store of `generation` activates a new policy or new permits:
 *
 *   - its lowest bit selects the active copy of the policy,
 *   - a new policy adds 1, a new set of permits adds 2,
 *   - a bucket of any other generation is reclassified by its next packet. */
struct xrl_meta {
	__u32 abi_version;
	__u32 generation;
	__u64 store_change; /* the change of the permit store that `permits` reflects; 0: unknown */
	__u32 may_have_permits; /* 0: the map `permits` was never written to */
	__u32 reserved;
};

/* Increases with every change to the layout or meaning of a pinned map. */
#define XRL_ABI_VERSION 6

_Static_assert(sizeof(struct xrl_limit) == 64, "one cache line");
_Static_assert(sizeof(struct xrl_class) == 1024, "no padding");
_Static_assert(sizeof(struct xrl_policy) == 139648 + XRL_MAX_CLASSES * 1024, "no padding");
_Static_assert(sizeof(struct xrl_meta) == 24, "no padding");
