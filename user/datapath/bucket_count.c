// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/bucket_count.h"

#include <errno.h>
#include <stdlib.h>
#include <bpf/bpf.h>

#include "include/bucket.h"

/* More than one chain of the kernel's hash table ever has: a batch holds whole chains. */
#define BATCH 8192

/* The kernel copies entries here; only their number is used. */
struct batch {
	struct xrl_address sources[BATCH];
	struct xrl_bucket buckets[BATCH];
};

static bool count_in_batches(int map, struct batch *batch, __u32 *occupied)
{
	__u32 position, next, count;
	int error;

	*occupied = 0;
	for (bool first = true;; first = false) {
		count = BATCH;
		error = bpf_map_lookup_batch(map, first ? NULL : &position, &next, batch->sources,
		                             batch->buckets, &count, NULL);
		if (error && error != -ENOENT)
			return false;
		*occupied += count;
		if (error) /* -ENOENT: this was the last batch */
			return true;
		position = next;
	}
}

bool bucket_count(const struct maps *maps, __u32 *occupied)
{
	struct batch *batch;
	bool done;

	if (maps->fds[MAP_BUCKETS] < 0)
		return false;
	batch = malloc(sizeof(*batch));
	if (!batch)
		return false;
	done = count_in_batches(maps->fds[MAP_BUCKETS], batch, occupied);
	free(batch);
	return done;
}
