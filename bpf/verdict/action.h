/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The action taken on a rejected packet. */

#include "bpf/bucket/active_policy.h"
#include "bpf/maps.h"
#include "bpf/verdict/counters.h"

static __always_inline void readdress(struct xdp_md *ctx, const struct xrl_class *class)
{
	void *data = (void *)(long)ctx->data;
	struct ethhdr *eth = data;

	/* the first of several buffers holds not even this: left as it is */
	if (data + sizeof(*eth) > (void *)(long)ctx->data_end)
		return;
	__builtin_memcpy(eth->h_dest, class->redirect_destination_mac, sizeof(eth->h_dest));
	__builtin_memcpy(eth->h_source, class->redirect_source_mac, sizeof(eth->h_dest));
}

/* If the interface is gone, the map is empty and bpf_redirect_map returns the action in its flags
 * (5.6). */
static __noinline int redirect(struct xdp_md *ctx, const struct policy *policy, __u32 reason,
                               __u32 bytes)
{
	__u32 target = (policy->generation & 1) * XRL_MAX_CLASSES + policy->class_number;

	if (bpf_redirect_map(&redirects, target, XDP_DROP) != XDP_REDIRECT) {
		counter_add(XRL_dropped_redirect_gone, bytes);
		return XDP_DROP;
	}
	if (policy->class->redirect_readdress)
		readdress(ctx, policy->class);
	counter_add(XRL_REDIRECTED_BASE + reason, bytes);
	return XDP_REDIRECT;
}

/* Returns the XDP action for a packet that is rejected for this xrl_reason, and counts it. */
static __always_inline int reject(struct xdp_md *ctx, const struct policy *policy, __u32 reason,
                                  __u32 bytes)
{
	if (policy->class->action == XRL_MONITOR) {
		counter_add(XRL_MONITOR_BASE + reason, bytes);
		return XDP_PASS;
	}
	if (policy->class->action == XRL_REDIRECT && reason < XRL_REASON_truncated)
		return redirect(ctx, policy, reason, bytes);
	counter_add(XRL_DROPPED_BASE + reason, bytes);
	return XDP_DROP;
}
