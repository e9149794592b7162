// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a million buckets cost: bytes a source, and the time that loading takes, which is
 * the time of an attach but for its last system call. */
#include "tests/bench/bench.h"

/* The kernel's own account of a map, which is what an operator sees too. */
static double map_bytes(int fd)
{
	char path[64], line[128];
	double bytes = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "r");
	if (!info)
		die(path);
	while (fgets(line, sizeof(line), info))
		if (sscanf(line, "memlock: %lf", &bytes) == 1)
			break;
	fclose(info);
	return bytes;
}

int main(void)
{
	__u64 start_ns = clock_ns(CLOCK_MONOTONIC);
	struct xdp_ratelimit_bpf *limiter = load_limiter();
	__u64 loaded_ns = clock_ns(CLOCK_MONOTONIC) - start_ns;
	struct bpf_map *buckets = limiter->maps.buckets;
	double bytes;

	printf("buckets %u\n", bpf_map__max_entries(buckets));
	/* each bucket, and its part of the gate's lines */
	bytes = map_bytes(bpf_map__fd(buckets)) + map_bytes(bpf_map__fd(limiter->maps.gate));
	printf("bytes_per_source %.1f\n", bytes / bpf_map__max_entries(buckets));
	printf("gate_state_bytes %.0f\n", map_bytes(bpf_map__fd(limiter->maps.data_flood)));
	printf("load_seconds %.3f\n", loaded_ns / 1e9);
	xdp_ratelimit_bpf__destroy(limiter);
	return 0;
}
