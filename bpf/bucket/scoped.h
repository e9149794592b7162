/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Limits whose buckets are not in the source's own value: those with an endpoint, and those
 * that many sources share. They are charged when the source's own limits have been asked, and
 * before those are charged, so that of two buckets one is written only when the other has room.
 * Where a packet concerns several of them, all are asked first. What is charged in vain all the
 * same, because another CPU was faster, is given back.
 *
 * Calls are what costs most here: hence few and large functions, as far as the verifier bears
 * with them. */

#include "bpf/parse/packet.h"
#include "bpf/bucket/resolve.h"

/* What a step at one limit says, besides the word that stands in its bucket then. A packet that
 * gets no bucket passes, as far as this limit is concerned, and is counted. */
#define SEPARATE_REFUSED   0
#define SEPARATE_FAILED    (~0ULL)
#define SEPARATE_AGAIN     (~0ULL - 1)
#define SEPARATE_UNTOUCHED (~0ULL - 2)

static __always_inline int is_to_endpoint(const struct packet *packet,
                                          const struct xrl_limit *limit)
{
	return packet->has_ports && packet->protocol == limit->endpoint_protocol &&
	       packet->destination_port >= limit->first_port &&
	       packet->destination_port <= limit->last_port;
}

static __always_inline struct xrl_address prefix_of(const struct xrl_address *source, __u32 bits)
{
	__u32 word, mask = bits ? ~0U << ((32 - bits) & 31) : 0;
	struct xrl_address prefix;

	__builtin_memcpy(&word, source, sizeof(word));
	word &= bpf_htonl(mask);
	__builtin_memcpy(&prefix, &word, sizeof(word));
	return prefix;
}

/* Not on the stack, of which there is not much. */
static const volatile struct xrl_separate_bucket fresh_separate_bucket = {};

/* `makes` one when there is none, unless the gate is asking. */
static __always_inline struct xrl_separate_bucket *
find_separate_bucket(const struct xrl_limit *limit, const struct packet *packet, __u32 generation,
                     int makes)
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
	if (bucket && packet->is_earlier)
		return NULL;
	if (bucket || !makes || packet->is_newcomer)
		return bucket;
	/* then look up again: another CPU may have been first */
	bpf_map_update_elem(map, &key, (const void *)&fresh_separate_bucket, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, &key);
}

static __always_inline struct xrl_demand demand_of(const struct packet *packet)
{
	return (struct xrl_demand){.units = {
					   [XRL_PACKETS] = 1,
					   [XRL_BYTES] = packet->frame_bytes,
					   [XRL_CONNECTIONS] = packet->is_connection,
					   [XRL_HTTP_REQUESTS] = packet->is_http_request,
				   }};
}

/* What a source sent before it had a bucket (new_bucket.h) is taken to have had the destination of
 * each limit; where others share a bucket, it was charged at once. */
static __always_inline __u64 separate_units(const struct xrl_limit *limit,
                                            const struct packet *packet,
                                            const struct xrl_demand *demand)
{
	if (packet->is_earlier)
		return limit->scope_bits == XRL_SCOPE_SOURCE ? xrl_demand_units(demand, limit) : 0;
	if (limit->endpoint_protocol && !is_to_endpoint(packet, limit))
		return 0;
	return xrl_demand_units(demand, limit);
}

/* How many of them a packet has to do with. */
XRL_SUBPROGRAM int count_separate(const struct packet *packet, const struct xrl_class *class,
                                  const struct xrl_demand *demand)
{
	int count = 0;

	if (!packet || !class || !demand)
		return 0;
	for (__u32 i = 0; i < XRL_MAX_SEPARATE && i < class->separate_count; i++)
		count += separate_units(&class->separate[i], packet, demand) != 0;
	return count;
}

/* What is open in a bucket, at this time. */
static __always_inline xrl_word open_separate(struct xrl_separate_bucket *bucket,
                                              const struct xrl_limit *limit, xrl_word word,
                                              __u64 *now_ns)
{
	__u64 idle_ns = xrl_checked_before_ns(&bucket->checked_ticks, now_ns);

	return xrl_is_over(limit, word, idle_ns, *now_ns) ? 0 : word;
}

/* 0: another CPU was faster. What is over is closed before anybody can read in checked_ticks that
 * it has been looked at: without that, its ticks could be believed when they have gone round. */
static __always_inline int check_separate(struct xrl_separate_bucket *bucket, xrl_word word,
                                          xrl_word open, __u64 now_ns)
{
	if (bucket->checked_ticks == xrl_checked_now(now_ns))
		return 1;
	if (word != open) {
		xrl_window_swap(&bucket->window, word, 0);
		return 0;
	}
	return xrl_advance(&bucket->checked_ticks, now_ns);
}

/* Whether a limit has room; all values above are possible, and any other one says yes. */
XRL_SUBPROGRAM __u64 ask_separate(const struct xrl_limit *limit, const struct packet *packet,
                                  const struct xrl_demand *demand, __u32 generation)
{
	struct xrl_separate_bucket *bucket;
	__u64 units, now_ns;
	xrl_word open;

	if (!limit || !packet || !demand)
		return SEPARATE_FAILED;
	units = separate_units(limit, packet, demand);
	if (!units)
		return SEPARATE_UNTOUCHED;
	bucket = find_separate_bucket(limit, packet, generation, 1);
	if (!bucket)
		return packet->is_newcomer ? SEPARATE_UNTOUCHED : SEPARATE_FAILED;
	open = open_separate(bucket, limit, xrl_window_read(&bucket->window), &now_ns);
	return xrl_next_of(limit, open, now_ns, units);
}

/* In fewer attempts than elsewhere, and more rounds: the verifier follows each of them into all
 * that the three algorithms may say. */
#define SEPARATE_ATTEMPTS 2
#define SEPARATE_ROUNDS   (XRL_ATTEMPTS * XRL_ROUNDS / SEPARATE_ATTEMPTS)

/* Charges one limit, in a few attempts. */
XRL_SUBPROGRAM __u64 charge_separate(const struct xrl_limit *limit, const struct packet *packet,
                                     const struct xrl_demand *demand, __u32 generation)
{
	struct xrl_separate_bucket *bucket;
	__u64 units, now_ns;

	if (!limit || !packet || !demand)
		return SEPARATE_FAILED;
	units = separate_units(limit, packet, demand);
	if (!units)
		return SEPARATE_UNTOUCHED;
	bucket = find_separate_bucket(limit, packet, generation, 1);
	if (!bucket)
		return packet->is_newcomer ? SEPARATE_UNTOUCHED : SEPARATE_FAILED;
	for (int i = 0; i < SEPARATE_ATTEMPTS; i++) {
		xrl_word word = xrl_window_read(&bucket->window), open, next;

		open = open_separate(bucket, limit, word, &now_ns);
		next = xrl_next_of(limit, open, now_ns, units);
		if (!next)
			return SEPARATE_REFUSED;
		if (!check_separate(bucket, word, open, now_ns))
			continue;
		if (xrl_window_swap(&bucket->window, word, next))
			return next;
	}
	return SEPARATE_AGAIN;
}

XRL_SUBPROGRAM __u64 charge_separate_again(const struct xrl_limit *limit,
                                           const struct packet *packet,
                                           const struct xrl_demand *demand, __u32 generation)
{
	__u64 result = SEPARATE_AGAIN;

	for (int i = 0; i < SEPARATE_ROUNDS && result == SEPARATE_AGAIN; i++)
		result = charge_separate(limit, packet, demand, generation);
	return result;
}

/* As struct xrl_marks in limits.h. */
struct separate_marks {
	__u32 marks[XRL_MAX_SEPARATE];
};

XRL_SUBPROGRAM int give_back_separate(const struct xrl_limit *limit, const struct packet *packet,
                                      const struct xrl_demand *demand, __u64 mine, __u32 generation)
{
	struct xrl_separate_bucket *bucket;

	if (!limit || !packet || !demand || mine == XRL_NOTHING)
		return 0;
	bucket = find_separate_bucket(limit, packet, generation, 0);
	if (bucket)
		xrl_give_back(&bucket->window, limit, (__u64)mine << 32,
		              separate_units(limit, packet, demand));
	return 0;
}

/* 1: so much is used that the class warns of it. */
XRL_SUBPROGRAM __u32 is_near_separate(const struct xrl_limit *limit, __u64 word)
{
	if (!limit || word >= SEPARATE_UNTOUCHED)
		return 0;
	return xrl_is_near(limit, word, limit->algorithm == XRL_FIXED ? 0 : xrl_boot_ns());
}

/* An xrl_answer with the unit of the limit that refused above it, and this when a limit had no
 * bucket. */
#define SEPARATE_NOTED 0x8000

/* And this when the bucket that refused is not the source's alone. */
#define SEPARATE_SHARED 0x4000

static __always_inline __u32 refused_separate(const struct xrl_limit *limit)
{
	return XRL_REFUSED | limit->unit << 16 |
	       (limit->scope_bits == XRL_SCOPE_SOURCE ? 0 : SEPARATE_SHARED);
}

/* Whether all of them have room at this moment. */
XRL_SUBPROGRAM __u32 ask_all_separate(const struct packet *packet, const struct xrl_class *class,
                                      const struct xrl_demand *demand, __u32 generation)
{
	if (!packet || !class || !demand)
		return XRL_AGAIN;
	for (__u32 i = 0; i < XRL_MAX_SEPARATE && i < class->separate_count; i++)
		if (ask_separate(&class->separate[i], packet, demand, generation) ==
		    SEPARATE_REFUSED)
			return refused_separate(&class->separate[i]);
	return XRL_ALLOWED;
}

/* What has been charged. */
XRL_SUBPROGRAM int give_back_all_separate(const struct packet *packet,
                                          const struct xrl_class *class,
                                          const struct xrl_demand *demand,
                                          const struct separate_marks *taken, __u32 generation)
{
	if (!packet || !class || !demand || !taken)
		return 0;
	for (__u32 i = 0; i < XRL_MAX_SEPARATE && i < class->separate_count; i++)
		give_back_separate(&class->separate[i], packet, demand, taken->marks[i],
		                   generation);
	return 0;
}

/* Takes what the packet needs of all of them, or of none. */
XRL_SUBPROGRAM __u32 charge_all_separate(const struct packet *packet, const struct xrl_class *class,
                                         const struct xrl_demand *demand,
                                         struct separate_marks *taken, __u32 generation)
{
	__u32 noted = 0, near = 0, i;

	if (!packet || !class || !demand || !taken)
		return XRL_AGAIN;
	for (i = 0; i < XRL_MAX_SEPARATE && i < class->separate_count; i++) {
		const struct xrl_limit *limit = &class->separate[i];
		__u64 result = charge_separate(limit, packet, demand, generation);

		if (result == SEPARATE_AGAIN)
			result = charge_separate_again(limit, packet, demand, generation);
		if (result == SEPARATE_REFUSED || result == SEPARATE_AGAIN) {
			give_back_all_separate(packet, class, demand, taken, generation);
			return result ? XRL_AGAIN : refused_separate(limit);
		}
		taken->marks[i] = result >> 32;
		noted |= result == SEPARATE_FAILED;
		if (class->warns)
			near |= is_near_separate(limit, result);
	}
	return (near ? XRL_ALLOWED_NEAR : XRL_ALLOWED) | (noted ? SEPARATE_NOTED : 0);
}
