// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "clock.h"
#include "action.h"
#include "packet.h"
#include "usual.h"
#include "verdict.h"
#include "../include/program.h"

/* In a section of its own, so that it is found in any version of the program. */
const volatile struct xrl_program_info program_info SEC(XRL_PROGRAM_INFO_SECTION) = {};

#define NOT_DECIDED XDP_ABORTED

/* NOT_DECIDED: it isn't as usual as that, and the general way decides. That is told of a bucket
 * that was found; a source without one is looked up again, which is little beside making one. */
static __always_inline int limit_usual(struct xdp_md *ctx, const struct usual *usual,
                                       __u32 generation, struct xrl_bucket **bucket)
{
	struct policy policy = {.generation = generation};
	const struct refusal *last = last_refusal();

	if (is_refused_again(last, &usual->source, generation)) {
		choose_class(&policy, last->class_number);
		return refuse(ctx, &policy, XRL_REASON_packets_limit, usual->frame_bytes);
	}
	if (engaged_until())
		return NOT_DECIDED;
	*bucket = bpf_map_lookup_elem(&buckets, &usual->source);
	if (!*bucket || !has_usual_room(*bucket, &policy, &usual->source))
		return NOT_DECIDED;
	count(XRL_passed_within_limits, usual->frame_bytes);
	return XDP_PASS;
}

static __always_inline int limit(struct xdp_md *ctx, int may_have_frags)
{
	struct xrl_bucket *bucket = NULL;
	struct verdict verdict;
	struct policy policy;
	struct packet packet;
	struct usual usual;
	int has_policy = read_policy(&policy), action;
	__u32 wants = policy_of(policy.generation)->wants;

	if (has_policy && !wants && is_usual(ctx, &usual)) {
		action = limit_usual(ctx, &usual, policy.generation, &bucket);
		if (action != NOT_DECIDED)
			return action;
		packet = (struct packet){.kind = PACKET_IPV4,
		                         .source = usual.source,
		                         .frame_bytes = usual.frame_bytes};
	} else {
		packet = (struct packet){.wants = wants};
		parse(ctx, may_have_frags, &packet);
	}
	if (!has_policy) {
		count(XRL_passed_limiter_failed, packet.frame_bytes);
		return XDP_PASS;
	}
	verdict = judge(&packet, &policy, bucket);
	if (verdict.refused)
		return refuse(ctx, &policy, verdict.what, packet.frame_bytes);
	count(verdict.what, packet.frame_bytes);
	return XDP_PASS;
}

/* For kernels that know frames of several buffers (5.18): a driver with an MTU beyond one
 * page takes only such a program. */
SEC("xdp.frags")
int xdp_ratelimit(struct xdp_md *ctx)
{
	return limit(ctx, 1);
}

/* For older ones. */
SEC("xdp")
int xdp_ratelimit_s(struct xdp_md *ctx)
{
	return limit(ctx, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
