/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Who has a bucket, as the gate knows it: without a look-up in the map of buckets, which for an
 * unknown source would cost more than all the rest. */

#include "line.h"
#include "pressure.h"

static __always_inline int may_be_known(const struct xrl_address *source)
{
	__u32 hash = gate_hash(source);
	struct xrl_gate_line *line = gate_line(hash);

	return !line || xrl_is_known(line, flood.epoch, xrl_known_bits(hash));
}

/* When it is given a bucket, and now and then while it uses it. Who fails is marked another time.
 */
#define MARK_ATTEMPTS 2

XRL_SUBPROGRAM int mark_known(const struct xrl_address *source)
{
	struct xrl_gate_line *line;
	struct xrl_address key;
	__u64 bits;
	__u32 hash;

	if (!source)
		return 0;
	key = *source;
	hash = gate_hash(&key);
	line = gate_line(hash);
	if (!line)
		return 0;
	bits = xrl_known_bits(hash);
	XRL_UNROLL
	for (int i = 0; i < MARK_ATTEMPTS; i++)
		if (xrl_try_mark_known(line, flood.epoch, bits))
			break;
	return 0;
}

/* The next epoch begins when the LRU map has had time to forget everybody. */
static __always_inline void count_insertion(void)
{
	__u64 insertions = __sync_fetch_and_add(&flood.insertions, 1) + 1;
	__u32 epoch;

	if (!flood.sources)
		return;
	epoch = insertions / flood.sources;
	if (epoch != flood.epoch)
		flood.epoch = epoch;
}
