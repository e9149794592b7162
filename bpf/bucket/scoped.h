/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Scoped limits: those with an endpoint, and those whose bucket is shared by a prefix or a class.
 * Their buckets live in maps of their own.
 *
 * A packet is checked against the source's own limits first, then charges the scoped ones, then its
 * own: of two buckets, one is written only if the other has room. If several scoped limits concern
 * a packet, all are checked before any is charged. A charge that proves useless, because
 * another CPU was faster, is refunded.
 *
 * Calls are the main cost here: hence few large functions, as far as the verifier allows. */

#include "bpf/limit/source_limits.h"
#include "bpf/maps.h"
#include "bpf/parse/packet.h"

/* Results of one limit, besides the new state of its bucket. A packet that gets no bucket passes
 * this limit and is counted. */
#define SCOPED_OVER_LIMIT 0
#define SCOPED_FAILED     (~0ULL)
#define SCOPED_RETRY      (~0ULL - 1)
#define SCOPED_UNTOUCHED  (~0ULL - 2)

static __always_inline int is_to_endpoint(const struct packet *packet,
                                          const struct xrl_limit *limit)
{
	return packet->has_ports && packet->protocol == limit->endpoint_protocol &&
	       packet->destination_port >= limit->first_port &&
	       packet->destination_port <= limit->last_port;
}

/* The source with its host bits zeroed. */
static __always_inline struct xrl_address prefix_of(const struct xrl_address *source, __u32 bits)
{
	__u32 word, mask = bits ? ~0U << ((32 - bits) & 31) : 0;
	struct xrl_address prefix;

	__builtin_memcpy(&word, source, sizeof(word));
	word &= bpf_htonl(mask);
	__builtin_memcpy(&prefix, &word, sizeof(word));
	return prefix;
}

/* Not on the stack, which is limited to 512 bytes. */
static const volatile struct xrl_separate_bucket empty_scoped_bucket = {};

/* `makes` one if there is none, unless the gate is deciding. */
static __always_inline struct xrl_separate_bucket *find_scoped_bucket(const struct xrl_limit *limit,
                                                                      const struct packet *packet,
                                                                      __u32 generation, int makes)
{
	struct xrl_separate_key key = {.address = prefix_of(&packet->source, limit->scope_bits),
	                               .limit_id = limit->id};
	struct xrl_separate_bucket *bucket;
	__u32 copy = generation & 1;
	void *map;

	if (limit->scope_bits == XRL_SCOPE_CLASS)
		return &class_buckets[limit->id & (XRL_CLASS_BUCKETS - 1)].bucket;
	map = bpf_map_lookup_elem(&separate_buckets, &copy);
	if (!map)
		return NULL;
	bucket = bpf_map_lookup_elem(map, &key);
	if (bucket && packet->is_carry_over)
		return NULL;
	if (bucket || !makes || packet->is_candidate)
		return bucket;
	/* look up again: another CPU's insertion may have come first */
	bpf_map_update_elem(map, &key, (const void *)&empty_scoped_bucket, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, &key);
}

static __always_inline struct xrl_cost packet_cost(const struct packet *packet)
{
	return (struct xrl_cost){.units = {
					 [XRL_PACKETS] = 1,
					 [XRL_BYTES] = packet->frame_bytes,
					 [XRL_CONNECTIONS] = packet->is_connection,
					 [XRL_HTTP_REQUESTS] = packet->is_http_request,
				 }};
}

/* Packets from before the source's bucket (insert.h) count as sent to each limit's endpoint. Shared
 * buckets were charged when those packets were admitted. */
static __always_inline __u64 scoped_units(const struct xrl_limit *limit,
                                          const struct packet *packet, const struct xrl_cost *cost)
{
	if (packet->is_carry_over)
		return limit->scope_bits == XRL_SCOPE_SOURCE ? xrl_cost_units(cost, limit) : 0;
	if (limit->endpoint_protocol && !is_to_endpoint(packet, limit))
		return 0;
	return xrl_cost_units(cost, limit);
}

/* The number of scoped limits that concern a packet. */
XRL_GLOBAL_FUNC int count_scoped(const struct packet *packet, const struct xrl_class *class,
                                 const struct xrl_cost *cost)
{
	int count = 0;

	if (!packet || !class || !cost)
		return 0;
	for (__u32 i = 0; i < XRL_MAX_SCOPED && i < class->separate_count; i++)
		count += scoped_units(&class->separate[i], packet, cost) != 0;
	return count;
}

/* The state if it is still open at this time, else 0. */
static __always_inline xrl_packed open_scoped_state(struct xrl_separate_bucket *bucket,
                                                    const struct xrl_limit *limit, xrl_packed state,
                                                    __u64 *now_ns)
{
	__u64 idle_ns = xrl_checked_before_ns(&bucket->checked_ticks, now_ns);

	return xrl_limit_is_expired(limit, state, idle_ns, *now_ns) ? 0 : state;
}

/* Returns 0 if another CPU was faster. An expired window is closed before checked_ticks can tell
 * anyone that it was checked: otherwise its ticks could be believed after wrapping around. */
static __always_inline int refresh_scoped(struct xrl_separate_bucket *bucket, xrl_packed state,
                                          xrl_packed open_state, __u64 now_ns)
{
	if (bucket->checked_ticks == xrl_checked_now(now_ns))
		return 1;
	if (state != open_state) {
		xrl_window_swap(&bucket->window, state, 0);
		return 0;
	}
	return xrl_advance(&bucket->checked_ticks, now_ns);
}

/* Tells whether a limit has room. Returns one of the values above; any other one means yes. */
XRL_GLOBAL_FUNC __u64 check_scoped(const struct xrl_limit *limit, const struct packet *packet,
                                   const struct xrl_cost *cost, __u32 generation)
{
	struct xrl_separate_bucket *bucket;
	__u64 units, now_ns;
	xrl_packed open_state;

	if (!limit || !packet || !cost)
		return SCOPED_FAILED;
	units = scoped_units(limit, packet, cost);
	if (!units)
		return SCOPED_UNTOUCHED;
	bucket = find_scoped_bucket(limit, packet, generation, 1);
	if (!bucket)
		return packet->is_candidate ? SCOPED_UNTOUCHED : SCOPED_FAILED;
	open_state = open_scoped_state(bucket, limit, xrl_window_read(&bucket->window), &now_ns);
	return xrl_limit_charge_inline(limit, open_state, now_ns, units);
}

/* Fewer attempts than elsewhere and more rounds: the verifier follows every attempt through all
 * three algorithms. */
#define SCOPED_ATTEMPTS 2
#define SCOPED_ROUNDS   (XRL_ATTEMPTS * XRL_ROUNDS / SCOPED_ATTEMPTS)

/* A few attempts to charge one limit. */
XRL_GLOBAL_FUNC __u64 charge_scoped(const struct xrl_limit *limit, const struct packet *packet,
                                    const struct xrl_cost *cost, __u32 generation)
{
	struct xrl_separate_bucket *bucket;
	__u64 units, now_ns;

	if (!limit || !packet || !cost)
		return SCOPED_FAILED;
	units = scoped_units(limit, packet, cost);
	if (!units)
		return SCOPED_UNTOUCHED;
	bucket = find_scoped_bucket(limit, packet, generation, 1);
	if (!bucket)
		return packet->is_candidate ? SCOPED_UNTOUCHED : SCOPED_FAILED;
	for (int i = 0; i < SCOPED_ATTEMPTS; i++) {
		xrl_packed state = xrl_window_read(&bucket->window), open_state, next;

		open_state = open_scoped_state(bucket, limit, state, &now_ns);
		next = xrl_limit_charge_inline(limit, open_state, now_ns, units);
		if (!next)
			return SCOPED_OVER_LIMIT;
		if (!refresh_scoped(bucket, state, open_state, now_ns))
			continue;
		if (xrl_window_swap(&bucket->window, state, next))
			return next;
	}
	return SCOPED_RETRY;
}

/* Returns SCOPED_RETRY if other CPUs were always faster. */
XRL_GLOBAL_FUNC __u64 retry_scoped(const struct xrl_limit *limit, const struct packet *packet,
                                   const struct xrl_cost *cost, __u32 generation)
{
	__u64 result = SCOPED_RETRY;

	for (int i = 0; i < SCOPED_ROUNDS && result == SCOPED_RETRY; i++)
		result = charge_scoped(limit, packet, cost, generation);
	return result;
}

/* The charge of each scoped limit, as in struct xrl_receipt. */
struct scoped_receipt {
	__u32 charged[XRL_MAX_SCOPED];
};

/* `charged` is an entry of the receipt. A bucket that was evicted meanwhile needs no refund. */
XRL_GLOBAL_FUNC int refund_scoped(const struct xrl_limit *limit, const struct packet *packet,
                                  const struct xrl_cost *cost, __u64 charged, __u32 generation)
{
	struct xrl_separate_bucket *bucket;

	if (!limit || !packet || !cost || charged == XRL_NOT_CHARGED)
		return 0;
	bucket = find_scoped_bucket(limit, packet, generation, 0);
	if (bucket)
		xrl_refund(&bucket->window, limit, (__u64)charged << 32,
		           scoped_units(limit, packet, cost));
	return 0;
}

/* Returns 1 if the class warns of this many used units. */
XRL_GLOBAL_FUNC __u32 is_near_scoped(const struct xrl_limit *limit, __u64 state)
{
	if (!limit || state >= SCOPED_UNTOUCHED)
		return 0;
	return xrl_is_near(limit, state, limit->algorithm == XRL_FIXED ? 0 : xrl_boot_ns());
}

/* A flag in the result, an xrl_result with the unit of the rejecting limit above it: some limit had
 * no bucket. */
#define SCOPED_NO_BUCKET 0x8000

/* A flag: the bucket that rejected is shared with other sources. */
#define SCOPED_SHARED 0x4000

static __always_inline __u32 over_scoped_limit(const struct xrl_limit *limit)
{
	return XRL_OVER_LIMIT | limit->unit << 16 |
	       (limit->scope_bits == XRL_SCOPE_SOURCE ? 0 : SCOPED_SHARED);
}

/* Tells whether all of them have room at this moment. */
XRL_GLOBAL_FUNC __u32 check_all_scoped(const struct packet *packet, const struct xrl_class *class,
                                       const struct xrl_cost *cost, __u32 generation)
{
	if (!packet || !class || !cost)
		return XRL_RETRY;
	for (__u32 i = 0; i < XRL_MAX_SCOPED && i < class->separate_count; i++)
		if (check_scoped(&class->separate[i], packet, cost, generation) ==
		    SCOPED_OVER_LIMIT)
			return over_scoped_limit(&class->separate[i]);
	return XRL_PASS;
}

/* Refunds what the receipt lists. */
XRL_GLOBAL_FUNC int refund_all_scoped(const struct packet *packet, const struct xrl_class *class,
                                      const struct xrl_cost *cost,
                                      const struct scoped_receipt *receipt, __u32 generation)
{
	if (!packet || !class || !cost || !receipt)
		return 0;
	for (__u32 i = 0; i < XRL_MAX_SCOPED && i < class->separate_count; i++)
		refund_scoped(&class->separate[i], packet, cost, receipt->charged[i], generation);
	return 0;
}

/* Charges the packet to all of them, or to none. */
XRL_GLOBAL_FUNC __u32 charge_all_scoped(const struct packet *packet, const struct xrl_class *class,
                                        const struct xrl_cost *cost, struct scoped_receipt *receipt,
                                        __u32 generation)
{
	__u32 no_bucket = 0, near = 0, i;

	if (!packet || !class || !cost || !receipt)
		return XRL_RETRY;
	for (i = 0; i < XRL_MAX_SCOPED && i < class->separate_count; i++) {
		const struct xrl_limit *limit = &class->separate[i];
		__u64 result = charge_scoped(limit, packet, cost, generation);

		if (result == SCOPED_RETRY)
			result = retry_scoped(limit, packet, cost, generation);
		if (result == SCOPED_OVER_LIMIT || result == SCOPED_RETRY) {
			refund_all_scoped(packet, class, cost, receipt, generation);
			return result ? XRL_RETRY : over_scoped_limit(limit);
		}
		receipt->charged[i] = result >> 32;
		no_bucket |= result == SCOPED_FAILED;
		if (class->warns)
			near |= is_near_scoped(limit, result);
	}
	return (near ? XRL_PASS_NEAR : XRL_PASS) | (no_bucket ? SCOPED_NO_BUCKET : 0);
}
