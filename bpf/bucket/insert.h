/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A bucket for a source that has none, with what has passed of it before (gate.h). */

#include "bpf/gate/set.h"
#include "bpf/bucket/scoped.h"
#include "bpf/bucket/resolve.h"

/* What has passed of a source before it had a bucket (gate.h), `earlier` being the upper part of
 * its word, as one limit's window. It opened when the source was seen first, at the latest: a tick
 * is less than one ago when it has just begun. Which of several packets was when isn't known: where
 * the first one would be over, the window opens now. But none is from a time without a flood. */
XRL_SUBPROGRAM __u64 earlier_window(const struct xrl_limit *limit, __u64 earlier, __u64 jiffy_ns)
{
	__u64 now_ns = xrl_boot_ns(), ticks, age_ns, units;

	if (!limit)
		return 0;
	units = xrl_passed_units(earlier, limit->unit);
	if (!units || !limit->period_ns || peace_ns() >= xrl_lasts_ns(limit))
		return 0;
	ticks = xrl_newcomer_age(earlier, xrl_gate_ticks(bpf_jiffies64()));
	age_ns = (ticks - !!ticks) * jiffy_ns << XRL_GATE_TICK_SHIFT;
	return xrl_next(limit, 0, age_ns < limit->period_ns ? now_ns - age_ns : now_ns, units);
}

/* No limit of its class remembers what is longer ago. */
static __always_inline int is_remembered(__u64 earlier, const struct xrl_class *class)
{
	return xrl_newcomer_age(earlier, xrl_gate_ticks(bpf_jiffies64())) < class->newcomer_ticks;
}

static __always_inline void count_earlier(struct xrl_bucket *bucket, const struct xrl_class *class,
                                          __u64 earlier)
{
	if (!is_remembered(earlier, class))
		return;
	XRL_UNROLL
	for (__u32 i = 0; i < XRL_MAX_LIMITS; i++)
		if (i < class->limit_count)
			*(xrl_word *)&bucket->windows[i] =
				earlier_window(&class->limits[i], earlier, class->jiffy_ns);
	bucket->checked_ticks = xrl_checked_now(xrl_boot_ns());
}

/* The same of the limits apart, whatever becomes of the packet that the bucket is made for, and
 * wherever that goes: those that have no bucket yet, since the others were charged at once
 * (charge_newcomer). And of the source's own what the bucket was made without: `missed`. */
XRL_SUBPROGRAM int charge_earlier(struct packet *packet, const struct xrl_class *class,
                                  __u32 generation, __u64 earlier, __u64 missed)
{
	struct xrl_demand demand = {};
	struct xrl_bucket *bucket;
	struct xrl_address key;

	if (!packet || !class || !is_remembered(earlier, class))
		return 0;
	XRL_UNROLL
	for (__u32 unit = 0; unit < XRL_UNITS; unit++)
		demand.units[unit] = xrl_passed_units(earlier, unit);
	packet->is_earlier = 1;
	for (__u32 i = 0; i < XRL_MAX_SEPARATE && i < class->separate_count; i++)
		if (peace_ns() < xrl_lasts_ns(&class->separate[i]))
			charge_separate(&class->separate[i], packet, &demand, generation);
	packet->is_earlier = 0;
	if (!xrl_passed_packets(missed))
		return 0;
	XRL_UNROLL
	for (__u32 unit = 0; unit < XRL_UNITS; unit++)
		demand.units[unit] = xrl_passed_units(missed, unit);
	key = packet->source;
	bucket = bpf_map_lookup_elem(&buckets, &key);
	return bucket ? xrl_try_often(bucket, class, &demand) : 0;
}

/* What insert_bucket says besides the class: the bucket is the one that it has made. */
#define IS_INSERTED (1 << 8)
_Static_assert(XRL_MAX_CLASSES <= IS_INSERTED, "a class is below it");

XRL_SUBPROGRAM int insert_bucket(const struct packet *packet, __u32 generation, __u64 earlier)
{
	struct xrl_bucket bucket = {};
	struct xrl_address key;
	xrl_word *resolved = (xrl_word *)&bucket.resolved;
	__u32 number;

	if (!packet)
		return 0;
	key = packet->source;
	/* adds nothing: the permit isn't looked up before the generation was read */
	__sync_fetch_and_add(resolved, 0);
	bucket.permit_until_boot_ns = permit_until_ns(&key);
	number = class_of(&key, bucket.permit_until_boot_ns, generation) & (XRL_MAX_CLASSES - 1);
	*resolved = resolved_word(number, bucket.permit_until_boot_ns, generation);
	if (earlier)
		count_earlier(&bucket, &policy_of(generation)->classes[number], earlier);
	if (bpf_map_update_elem(&buckets, &key, &bucket, BPF_NOEXIST))
		return number;
	count_insertion();
	return number | IS_INSERTED;
}

/* What has passed is in the word until it is in the bucket: whoever else makes it in between finds
 * it there, too. Only the one that made it takes it out of the word, and finds what other CPUs have
 * let pass meanwhile. */
XRL_SUBPROGRAM int settle_earlier(struct packet *packet, __u32 number, __u32 generation,
                                  __u64 counted)
{
	__u64 earlier;

	if (!packet || (!counted && !engaged_until()))
		return 0;
	earlier = settle_newcomer(&packet->source);
	if (earlier)
		charge_earlier(packet,
		               &policy_of(generation)->classes[number & (XRL_MAX_CLASSES - 1)],
		               generation, earlier, xrl_passed_since(earlier, counted));
	return 0;
}

/* Returns the class. */
XRL_SUBPROGRAM int add_bucket(struct packet *packet, __u32 generation)
{
	const struct xrl_policy *policy = policy_of(generation);
	__u64 earlier;
	__u32 number;

	if (!packet)
		return 0;
	earlier = read_newcomer(&packet->source);
	number = insert_bucket(packet, generation, earlier);
	mark_known(&packet->source);
	if (number & IS_INSERTED)
		settle_earlier(packet, number, generation, earlier);
	number &= XRL_MAX_CLASSES - 1;
	if (!engaged_until() && policy->classes[number].units &&
	    policy->flood.mode != XRL_FLOOD_OFF)
		count_unknown(&policy->flood);
	return number;
}

/* The bucket that was found, or else a new one; NULL when there is none to be had. Chooses the
 * class in any case. */
static __always_inline struct xrl_bucket *bucket_of(struct xrl_bucket *bucket,
                                                    struct packet *packet, struct policy *policy)
{
	xrl_word resolved;
	__u32 number = 0;

	if (!bucket) {
		/* then look up again: there may be one that the gate doesn't know of, or another
		 * CPU may have been first, and its bucket counts */
		number = add_bucket(packet, policy->generation);
		bucket = bpf_map_lookup_elem(&buckets, &packet->source);
	}
	if (bucket) {
		resolved = xrl_resolved_read(bucket);
		number = resolved_class(resolved);
		if ((__u32)resolved != policy->generation)
			number = resolve(bucket, &packet->source, policy->generation);
	}
	choose_class(policy, number);
	return bucket;
}
