/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "../include/address.h"
#include "../include/bucket.h"
#include "../include/counters.h"
#include "../include/permit.h"
#include "../include/policy.h"

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

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, XRL_CLASS_COPIES);
	__type(key, __u32);
	__type(value, struct xrl_class);
} classes SEC(".maps");

/* A map of one element like the others, but as a variable: reading it takes no look-up. It can
 * be mapped into memory, so that the loader changes the generation in one store. */
struct xrl_meta meta SEC(".data.meta") = {};

/* One interface each, by copy of the class as above. The kernel empties an element when
 * its interface goes away. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, XRL_CLASS_COPIES);
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
