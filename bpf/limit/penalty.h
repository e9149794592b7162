/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Penalties: a class may reject everything from a source for some time after an excess. The penalty
 * is the upper part of the bucket's classification word. */

#include "bpf/limit/algorithm.h"

xrl_inline xrl_packed xrl_classification_read(const struct xrl_bucket *bucket)
{
	return *(const volatile xrl_packed *)&bucket->resolved;
}

/* Returns false if the classification was no longer `from`. A full memory barrier. */
xrl_inline int xrl_classification_swap(struct xrl_bucket *bucket, xrl_packed from, xrl_packed to)
{
	return __sync_val_compare_and_swap((xrl_packed *)&bucket->resolved, from, to) == from;
}

/* The layout is that of a fixed window whose "units" are the classification. */
xrl_inline int xrl_has_penalty(xrl_packed classification)
{
	return classification >> XRL_CLASSIFICATION_BITS != 0;
}

/* Returns the remaining time of a penalty in ns, rounded up to a tick. Clears an expired one. */
XRL_GLOBAL_FUNC __u64 xrl_penalty_ns(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	__u64 idle_ns, now_ns;
	xrl_packed state;

	if (!bucket || !class)
		return 0;
	state = xrl_classification_read(bucket);
	if (!xrl_has_penalty(state))
		return 0;
	idle_ns = xrl_checked_before_ns(&bucket->checked_ticks, &now_ns);
	if (idle_ns < class->penalty.period_ns &&
	    !xrl_window_is_expired(&class->penalty, state, now_ns))
		return xrl_window_remaining_ns(&class->penalty, state, now_ns) +
		       (1ULL << class->penalty.tick_shift);
	xrl_classification_swap(bucket, state, state & ((1ULL << XRL_CLASSIFICATION_BITS) - 1));
	return 0;
}

/* Begins a penalty after an excess. Returns 0 if another CPU's penalty is already running or began
 * at the same moment, which serves as well. */
xrl_inline int xrl_penalty_begin(struct xrl_bucket *bucket, const struct xrl_class *class,
                                 __u32 generation)
{
	__u64 now_ns;
	xrl_packed state;

	if (!bucket || !class)
		return 0;
	state = xrl_classification_read(bucket);
	if (xrl_has_penalty(state) || (__u32)state != generation)
		return 0; /* another policy's ticks would mean something else */
	now_ns = xrl_boot_ns();
	if (!xrl_advance(&bucket->checked_ticks, now_ns))
		return 0;
	now_ns = xrl_window_ticks(&class->penalty, now_ns) << XRL_CLASSIFICATION_BITS;
	/* 0 ticks mean no penalty: begin a tick later */
	if (!now_ns)
		now_ns = 1ULL << XRL_CLASSIFICATION_BITS;
	return xrl_classification_swap(bucket, state, state | now_ns);
}
