// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "bpf/clock.h"
#include "bpf/verdict/action.h"
#include "bpf/parse/packet.h"
#include "bpf/parse/common_frame.h"
#include "bpf/verdict/verdict.h"
#include "include/program.h"

/* In a section of its own, so that it is found in any version of the program. */
const volatile struct xrl_program_info program_info SEC(XRL_PROGRAM_INFO_SECTION) = {};

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
