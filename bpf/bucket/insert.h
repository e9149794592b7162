/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Inserts a bucket for a source that has none, and carries over what the gate admitted of the
 * source before (bpf/verdict/admit.h). */

#include "bpf/bucket/classify.h"
#include "bpf/bucket/scoped.h"
#include "bpf/gate/pressure.h"
#include "bpf/gate/residents.h"
#include "bpf/gate/set.h"
#include "bpf/limit/source_limits.h"

/* The window of one limit with the units admitted before the bucket existed. `carried` is the upper
 * part of the candidate entry. The window opens at the first hit, or up to one gate tick later,
 * because the current tick may have just begun. The times of later packets are not known: if the
 * first one has expired, the window opens now. Nothing is carried over if the last flood ended
 * longer ago than the limit remembers. */
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

/* No limit of the class remembers an older entry. */
static __always_inline int is_remembered(__u64 carried, const struct xrl_class *class)
{
	return xrl_candidate_age(carried, xrl_gate_ticks(bpf_jiffies64())) < class->newcomer_ticks;
}

/* Fills the windows of a bucket that is not in the map yet. */
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

/* Carries the units over to the scoped limits, whatever the verdict on the current packet and
 * wherever it goes. Only limits without a bucket are charged: the others were when the packets were
 * admitted (charge_candidate). Then charges `late`, packets admitted after the bucket was filled,
 * to the source's own limits. */
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

/* A flag in the result of bucket_insert: this call created the bucket. */
#define IS_INSERTED (1 << 8)
_Static_assert(XRL_MAX_CLASSES <= IS_INSERTED, "a class is below it");

/* Creates the bucket with what was admitted so far, unless another CPU is first. Returns the class,
 * with IS_INSERTED if this call created it. */
XRL_GLOBAL_FUNC int bucket_insert(const struct packet *packet, __u32 generation, __u64 carried)
{
	struct xrl_bucket bucket = {};
	struct xrl_address key;
	xrl_packed *classification = (xrl_packed *)&bucket.resolved;
	__u32 number;

	if (!packet)
		return 0;
	key = packet->source;
	/* orders the permit's lookup behind the read of the generation */
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

/* The candidate entry stays open until the bucket exists, so that another CPU that creates it at
 * the same time finds the units, too. Only the CPU that created it closes the entry, and then
 * carries over what other CPUs admitted meanwhile. */
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

/* Returns the bucket that was found, or a new one, or NULL if the map refuses it. Chooses the class
 * in any case. */
static __always_inline struct xrl_bucket *bucket_of(struct xrl_bucket *bucket,
                                                    struct packet *packet, struct policy *policy)
{
	xrl_packed classification;
	__u32 number = 0;

	if (!bucket) {
		/* look up again: the residents filter may have missed a bucket, or another CPU's
		 * insertion came first, and its bucket counts */
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
