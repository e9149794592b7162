// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "clock.h"
#include "action.h"
#include "packet.h"
#include "verdict.h"
#include "../include/program.h"

/* In a section of its own, so that it is found in any version of the program. */
const volatile struct xrl_program_info program_info SEC(XRL_PROGRAM_INFO_SECTION) = {};

static __always_inline int limit(struct xdp_md *ctx, int may_have_frags)
{
	struct packet packet = {};
	__u32 frame_bytes;
	struct policy policy;
	struct verdict verdict;

	int has_policy = read_policy(&policy);

	packet.wants = policy_of(policy.generation)->wants;
	parse(ctx, may_have_frags, &packet);
	frame_bytes = packet.frame_bytes;
	if (!has_policy) {
		count(XRL_passed_limiter_failed, frame_bytes);
		return XDP_PASS;
	}
	verdict = judge(&packet, &policy);
	if (verdict.refused)
		return refuse(ctx, &policy, verdict.what, frame_bytes);
	count(verdict.what, frame_bytes);
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
