/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What becomes of a packet: a counter says it all. */

#include "packet.h"
#include "again.h"

struct verdict {
	int refused;
	__u32 what; /* refused: an xrl_reason; else an xrl_counter */
};

static __always_inline struct verdict passed(enum xrl_counter counter)
{
	return (struct verdict){0, counter};
}

static __always_inline struct verdict refused(enum xrl_reason reason)
{
	return (struct verdict){1, reason};
}

static __always_inline struct verdict judge_icmp_error(struct xrl_bucket *bucket,
                                                       const struct xrl_class *class)
{
	enum xrl_answer answer = xrl_charge_icmp_error(bucket, class);

	if (answer == XRL_ALLOWED)
		return passed(XRL_passed_icmp_error);
	return refused(answer == XRL_AGAIN ? XRL_REASON_contention : XRL_REASON_icmp_errors_limit);
}

static __always_inline struct verdict
judge_limits(struct xrl_bucket *bucket, const struct xrl_class *class, const struct packet *packet)
{
	struct xrl_demand demand = {.units = {
					    [XRL_PACKETS] = 1,
					    [XRL_BYTES] = packet->frame_bytes,
					    [XRL_CONNECTIONS] = packet->is_connection,
				    }};
	struct xrl_charge charge = xrl_charge(bucket, class, &demand);

	if (charge.answer == XRL_ALLOWED)
		return passed(XRL_passed_within_limits);
	if (charge.answer == XRL_AGAIN)
		return refused(XRL_REASON_contention);
	return refused(XRL_REASON_packets_limit + charge.unit);
}

static __always_inline struct verdict judge_ipv4(const struct packet *packet,
                                                 const struct policy *policy)
{
	struct refusal *last = last_refusal();
	struct xrl_bucket *bucket;
	struct verdict verdict;

	if (packet->kind == PACKET_IPV4 &&
	    is_refused_again(last, &packet->source, policy->generation))
		return refused(XRL_REASON_packets_limit);
	bucket = bucket_of(&packet->source, policy);
	if (!bucket)
		return passed(XRL_passed_limiter_failed);
	if (has_permit(bucket))
		return passed(XRL_passed_permit);
	if (packet->kind == PACKET_IPV4_ICMP_ERROR)
		return judge_icmp_error(bucket, policy->class);
	verdict = judge_limits(bucket, policy->class, packet);
	if (verdict.refused && verdict.what == XRL_REASON_packets_limit)
		remember_refusal(last, &packet->source, policy, bucket);
	return verdict;
}

static __always_inline struct verdict judge(const struct packet *packet,
                                            const struct policy *policy)
{
	switch (packet->kind) {
	case PACKET_IPV4:
	case PACKET_IPV4_ICMP_ERROR:
		return judge_ipv4(packet, policy);
	case PACKET_IPV4_TRUNCATED:
		return refused(XRL_REASON_truncated);
	case PACKET_IPV4_MALFORMED:
		return refused(XRL_REASON_malformed);
	case PACKET_ARP:
		return passed(XRL_passed_arp);
	case PACKET_IPV6:
		return passed(XRL_passed_ipv6);
	default:
		return passed(XRL_passed_other);
	}
}
