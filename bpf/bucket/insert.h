/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A bucket for a source that has none, with what has passed of it before (gate.h). */

#include "bpf/bucket/classify.h"
#include "bpf/bucket/scoped.h"
#include "bpf/gate/pressure.h"
#include "bpf/gate/residents.h"
#include "bpf/gate/set.h"
#include "bpf/limit/source_limits.h"

/* What has passed of a source before it had a bucket (gate.h), `earlier` being the upper part of
 * its word, as one limit's window. It opened when the source was seen first, at the latest: a tick
 * is less than one ago when it has just begun. Which of several packets was when isn't known: where
 * the first one would be over, the window opens now. But none is from a time without a flood. */
XRL_GLOBAL_FUNC __u64 carried_window(const struct xrl_limit *limit, __u64 carried, __u64 jiffy_ns)
{
	__u64 now_ns = xrl_boot_ns(), ticks, age_ns, units;

	if (!limit)
		return 0;
	units = xrl_admitted_units(carried, limit->unit);
	if (!units || !limit->period_ns || gate_idle_ns() >= xrl_lasts_ns(limit))
		return 0;
	ticks = xrl_candidate_age(carried, xrl_gate_ticks(bpf_jiffies64()));
	age_ns = (ticks - !!ticks) * jiffy_ns << XRL_GATE_TICK_SHIFT;
	return xrl_limit_charge(limit, 0, age_ns < limit->period_ns ? now_ns - age_ns : now_ns,
	                        units);
}

/* No limit of its class remembers what is longer ago. */
static __always_inline int is_remembered(__u64 carried, const struct xrl_class *class)
{
	return xrl_candidate_age(carried, xrl_gate_ticks(bpf_jiffies64())) < class->newcomer_ticks;
}

static __always_inline void carry_over(struct xrl_bucket *bucket, const struct xrl_class *class,
                                       __u64 carried)
{
	if (!is_remembered(carried, class))
		return;
	XRL_UNROLL
	for (__u32 i = 0; i < XRL_MAX_LIMITS; i++)
		if (i < class->limit_count)
			*(xrl_packed *)&bucket->windows[i] =
				carried_window(&class->limits[i], carried, class->jiffy_ns);
	bucket->checked_ticks = xrl_checked_now(xrl_boot_ns());
}

/* The same of the limits apart, whatever becomes of the packet that the bucket is made for, and
 * wherever that goes: those that have no bucket yet, since the others were charged at once
 * (charge_candidate). And of the source's own what the bucket was made without: `missed`. */
XRL_GLOBAL_FUNC int carry_over_scoped(struct packet *packet, const struct xrl_class *class,
                                      __u32 generation, __u64 carried, __u64 late)
{
	struct xrl_cost cost = {};
	struct xrl_bucket *bucket;
	struct xrl_address key;

	if (!packet || !class || !is_remembered(carried, class))
		return 0;
	XRL_UNROLL
	for (__u32 unit = 0; unit < XRL_UNITS; unit++)
		cost.units[unit] = xrl_admitted_units(carried, unit);
	packet->is_carry_over = 1;
	for (__u32 i = 0; i < XRL_MAX_SCOPED && i < class->separate_count; i++)
		if (gate_idle_ns() < xrl_lasts_ns(&class->separate[i]))
			charge_scoped(&class->separate[i], packet, &cost, generation);
	packet->is_carry_over = 0;
	if (!xrl_admitted_packets(late))
		return 0;
	XRL_UNROLL
	for (__u32 unit = 0; unit < XRL_UNITS; unit++)
		cost.units[unit] = xrl_admitted_units(late, unit);
	key = packet->source;
	bucket = bpf_map_lookup_elem(&buckets, &key);
	return bucket ? xrl_retry_all(bucket, class, &cost) : 0;
}

/* What bucket_insert says besides the class: the bucket is the one that it has made. */
#define IS_INSERTED (1 << 8)
_Static_assert(XRL_MAX_CLASSES <= IS_INSERTED, "a class is below it");

XRL_GLOBAL_FUNC int bucket_insert(const struct packet *packet, __u32 generation, __u64 carried)
{
	struct xrl_bucket bucket = {};
	struct xrl_address key;
	xrl_packed *classification = (xrl_packed *)&bucket.resolved;
	__u32 number;

	if (!packet)
		return 0;
	key = packet->source;
	/* adds nothing: the permit isn't looked up before the generation was read */
	__sync_fetch_and_add(classification, 0);
	bucket.permit_until_boot_ns = permit_expires_ns(&key);
	number = class_of(&key, bucket.permit_until_boot_ns, generation) & (XRL_MAX_CLASSES - 1);
	*classification = classification_pack(number, bucket.permit_until_boot_ns, generation);
	if (carried)
		carry_over(&bucket, &policy_of(generation)->classes[number], carried);
	if (bpf_map_update_elem(&buckets, &key, &bucket, BPF_NOEXIST))
		return number;
	count_insertion();
	return number | IS_INSERTED;
}

/* What has passed is in the word until it is in the bucket: whoever else makes it in between finds
 * it there, too. Only the one that made it takes it out of the word, and finds what other CPUs have
 * let pass meanwhile. */
XRL_GLOBAL_FUNC int carry_over_late(struct packet *packet, __u32 number, __u32 generation,
                                    __u64 already_carried)
{
	__u64 carried;

	if (!packet || (!already_carried && !engaged_until()))
		return 0;
	carried = candidate_close(&packet->source);
	if (carried)
		carry_over_scoped(
			packet, &policy_of(generation)->classes[number & (XRL_MAX_CLASSES - 1)],
			generation, carried, xrl_admitted_since(carried, already_carried));
	return 0;
}

/* Returns the class. */
XRL_GLOBAL_FUNC int bucket_add(struct packet *packet, __u32 generation)
{
	const struct xrl_policy *policy = policy_of(generation);
	__u64 carried;
	__u32 number;

	if (!packet)
		return 0;
	carried = candidate_carry(&packet->source);
	number = bucket_insert(packet, generation, carried);
	residents_add(&packet->source);
	if (number & IS_INSERTED)
		carry_over_late(packet, number, generation, carried);
	number &= XRL_MAX_CLASSES - 1;
	if (!engaged_until() && policy->classes[number].units &&
	    policy->flood.mode != XRL_FLOOD_OFF)
		count_arrival(&policy->flood);
	return number;
}

/* The bucket that was found, or else a new one; NULL when there is none to be had. Chooses the
 * class in any case. */
static __always_inline struct xrl_bucket *bucket_of(struct xrl_bucket *bucket,
                                                    struct packet *packet, struct policy *policy)
{
	xrl_packed classification;
	__u32 number = 0;

	if (!bucket) {
		/* then look up again: there may be one that the gate doesn't know of, or another
		 * CPU may have been first, and its bucket counts */
		number = bucket_add(packet, policy->generation);
		bucket = bpf_map_lookup_elem(&buckets, &packet->source);
	}
	if (bucket) {
		classification = xrl_classification_read(bucket);
		number = classification_class(classification);
		if ((__u32)classification != policy->generation)
			number = reclassify(bucket, &packet->source, policy->generation);
	}
	choose_class(policy, number);
	return bucket;
}
