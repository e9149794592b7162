// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the limiter is measured beside: programs that do less than it, or nothing. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1048576);
	__type(key, __u32);
	__type(value, __u64);
} sources SEC(".maps");

SEC("xdp.frags")
int empty_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp.frags")
int bare_drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

/* The least that any per-address limiter does: parse, and one look-up, else an insertion. */
SEC("xdp.frags")
int bare_lookup(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	__u64 one = 1, *seen;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(0x0800))
		return XDP_PASS;
	seen = bpf_map_lookup_elem(&sources, &ip->saddr);
	if (!seen)
		bpf_map_update_elem(&sources, &ip->saddr, &one, BPF_ANY);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
