/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "include/address.h"
#include "include/bucket.h"
#include "include/counters.h"
#include "include/permit.h"
#include "include/policy.h"

/* Shared by all interfaces. The loader sets max_entries of the first. */
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

/* These are maps of one element, but as variables: reading them takes no look-up. They can be
 * mapped into memory, so that the loader changes the generation in one store. */
struct xrl_meta meta SEC(".data.meta") = {.may_have_permits = 1};
struct xrl_policy policies[XRL_COPIES] SEC(".data.classes") = {};
struct xrl_ports protected_ports[XRL_COPIES] SEC(".data.ports") = {};
struct xrl_class_bucket class_buckets[XRL_CLASS_BUCKETS] SEC(".data.shared") = {};

/* clang (14) describes a type in full only where something has it, not where a map inside of a
 * map names it; and the loader wants to know the types of the maps that it makes. */
const volatile struct {
	struct xrl_cidr cidr;
	struct xrl_separate_key separate_key;
} inner_map_types = {};

/* By copy of the policy: the class of a source, by the longest prefix. None when the policy
 * has no CIDRs. The third one is only there for the loader to write: that waits until no
 * program runs that began before. */
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

/* By copy of the policy: the buckets of separate limits. None when there are no such limits;
 * otherwise most often the same one twice. */
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

/* What stands before the buckets when too many unknown sources arrive (gate.h). The loader sets
 * max_entries. Mapped into memory, its lines are aligned to the processor's cache lines. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 131072);
	__type(key, __u32);
	__type(value, struct xrl_gate_line);
} gate SEC(".maps");

struct xrl_flood_state flood SEC(".data.flood") = {.lines = 131072, .sources = 1048576, .era = 1};

/* One interface for each class, by copy of the policy. The kernel empties an element when its
 * interface goes away. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, XRL_COPIES *XRL_MAX_CLASSES);
	__type(key, __u32);
	__type(value, __u32);
} redirects SEC(".maps");

/* One for each interface. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xrl_counters);
} counters SEC(".maps");
