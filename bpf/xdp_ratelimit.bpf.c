// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* The entry points. README.md draws the pipeline. The order of the includes below is also that of
 * the functions in the object. */

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "bpf/clock.h"
#include "bpf/limit/algorithm.h"
#include "bpf/gate/set.h"
#include "bpf/gate/residents.h"
#include "bpf/limit/source_limits.h"
#include "bpf/parse/parse.h"
#include "bpf/bucket/permit.h"
#include "bpf/bucket/reject_cache.h"
#include "bpf/verdict/admit.h"
#include "bpf/verdict/verdict.h"
#include "bpf/verdict/fast_path.h"
#include "include/program.h"

/* In a section of its own, so that the loader finds it in any version of the program. */
const volatile struct xrl_program_info program_info SEC(XRL_PROGRAM_INFO_SECTION) = {};

static __always_inline int limit(struct xdp_md *ctx, int may_have_frags)
{
	struct xrl_bucket *bucket = NULL;
	struct verdict verdict;
	struct policy policy;
	struct packet packet;
	struct common_frame common;
	int has_policy = read_policy(&policy), action;
	__u32 wants = policy_of(policy.generation)->wants;

	if (has_policy && !wants && is_common_frame(ctx, &common)) {
		action = limit_fast(ctx, &common, policy.generation, &bucket);
		if (action != VERDICT_UNDECIDED)
			return action;
		packet = (struct packet){.kind = PACKET_IPV4,
		                         .source = common.source,
		                         .frame_bytes = common.frame_bytes};
	} else {
		packet = (struct packet){.wants = wants};
		parse(ctx, may_have_frags, &packet);
	}
	if (!has_policy) {
		counter_add(XRL_passed_limiter_failed, packet.frame_bytes);
		return XDP_PASS;
	}
	verdict = decide(&packet, &policy, bucket);
	if (verdict.rejected)
		return reject(ctx, &policy, verdict.what, packet.frame_bytes);
	counter_add(verdict.what, packet.frame_bytes);
	return XDP_PASS;
}

/* For kernels with multi-buffer frames (5.18). With an MTU above one page, drivers accept only this
 * program. */
SEC("xdp.frags")
int xdp_ratelimit(struct xdp_md *ctx)
{
	return limit(ctx, 1);
}

/* For older kernels. */
SEC("xdp")
int xdp_ratelimit_s(struct xdp_md *ctx)
{
	return limit(ctx, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
