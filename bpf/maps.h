/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "include/address.h"
#include "include/bucket.h"
#include "include/counters.h"
#include "include/permit.h"
#include "include/policy.h"

/* The maps. All interfaces share them but for `counters`. The loader sizes `buckets`. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1048576);
	__type(key, struct xrl_address);
	__type(value, struct xrl_bucket);
} buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, XRL_MAX_PERMITS);
	__type(key, struct xrl_address);
	__type(value, struct xrl_permit);
} permits SEC(".maps");

/* Single-element maps in the form of variables: the program reads them without a lookup, and the
 * loader, which maps them into memory, switches the generation with one store. */
struct xrl_meta meta SEC(".data.meta") = {.may_have_permits = 1};
struct xrl_policy policies[XRL_COPIES] SEC(".data.classes") = {};
struct xrl_ports protected_ports[XRL_COPIES] SEC(".data.ports") = {};
struct xrl_class_bucket class_buckets[XRL_CLASS_BUCKETS] SEC(".data.shared") = {};

/* clang 14 emits the full BTF of a type only for a variable of that type, not for a value of an
 * inner map. The loader needs the types of the inner maps that it creates. */
const volatile struct {
	struct xrl_cidr cidr;
	struct xrl_separate_key separate_key;
} inner_map_types = {};

/* Per copy of the policy, the longest-prefix-match map from source to class; empty when the policy
 * has no CIDRs. The third slot exists only to be written by the loader: updating a map-in-map waits
 * for an RCU grace period. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, XRL_COPIES + 1);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_LPM_TRIE);
			__uint(map_flags, BPF_F_NO_PREALLOC);
			__uint(max_entries, 1);
			__type(key, struct xrl_cidr);
			__type(value, __u32);
		});
} cidrs SEC(".maps");

/* Per copy of the policy, the buckets of its scoped limits; empty when there are none. Usually both
 * slots hold the same map. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, XRL_COPIES);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_LRU_HASH);
			__uint(max_entries, 1);
			__type(key, struct xrl_separate_key);
			__type(value, struct xrl_separate_bucket);
		});
} separate_buckets SEC(".maps");

/* The sets of the gate: residents filter and candidates (include/gate.h). The loader sets
 * max_entries. BPF_F_MMAPABLE aligns the sets to cache lines. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 131072);
	__type(key, __u32);
	__type(value, struct xrl_gate_line);
} gate SEC(".maps");

struct xrl_flood_state flood SEC(".data.flood") = {.lines = 131072, .sources = 1048576, .era = 1};

/* Per copy of the policy and class, the interface to redirect to. The kernel clears an element when
 * its interface disappears. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, XRL_COPIES *XRL_MAX_CLASSES);
	__type(key, __u32);
	__type(value, __u32);
} redirects SEC(".maps");

/* One map per interface. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xrl_counters);
} counters SEC(".maps");
