// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The cost of a million buckets: bytes per source, and the time to load, which is that of an attach
 * except for its last system call. */
#include "tests/bench/bench.h"

/* The memory of a map by the kernel's own account, which operators see, too. */
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
	/* each bucket, and its share of the gate's sets */
	bytes = map_bytes(bpf_map__fd(buckets)) + map_bytes(bpf_map__fd(limiter->maps.gate));
	printf("bytes_per_source %.1f\n", bytes / bpf_map__max_entries(buckets));
	printf("gate_state_bytes %.0f\n", map_bytes(bpf_map__fd(limiter->maps.data_flood)));
	printf("load_seconds %.3f\n", loaded_ns / 1e9);
	xdp_ratelimit_bpf__destroy(limiter);
	return 0;
}
