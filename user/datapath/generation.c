// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/generation.h"

#include <errno.h>
#include <bpf/bpf.h>

static const __u32 zero;

static bool read_meta(const struct maps *maps, struct xrl_meta *meta)
{
	return maps->fds[MAP_META] >= 0 && !bpf_map_lookup_elem(maps->fds[MAP_META], &zero, meta);
}

const struct xrl_policy *generation_policy(struct maps *maps, __u32 *generation)
{
	struct xrl_meta meta;

	*generation = 0;
	if (!read_meta(maps, &meta) || !meta.generation)
		return NULL;
	if (!maps->policies)
		maps->policies = maps_mmap(maps, MAP_CLASSES, false);
	if (!maps->policies)
		return NULL;
	*generation = meta.generation;
	return &maps->policies[meta.generation & 1];
}

__u32 generation_redirect(const struct maps *maps, __u32 generation, __u32 class_number)
{
	__u32 key = (generation & 1) * XRL_MAX_CLASSES + class_number, ifindex = 0;

	bpf_map_lookup_elem(maps->fds[MAP_REDIRECTS], &key, &ifindex);
	return ifindex;
}

bool generation_has_policy(const struct maps *maps)
{
	struct xrl_meta meta;

	return read_meta(maps, &meta) && meta.generation;
}

bool generation_lacks_policy(const struct maps *maps)
{
	struct xrl_meta meta;

	return read_meta(maps, &meta) && !meta.generation;
}

/* 0 means that there is no policy, so the count skips it when it wraps around. */
__u32 generation_next(__u32 generation, __u32 step)
{
	__u32 next = generation + step;

	return next ? next : next + 2;
}

/* An atomic operation, which no CPU sees half of; a write by system call guarantees less. */
int generation_bump(const struct maps *maps, __u32 step)
{
	struct xrl_meta *meta = maps_mmap(maps, MAP_META, true);
	__u32 generation;

	if (!meta)
		return -errno;
	generation = __atomic_load_n(&meta->generation, __ATOMIC_SEQ_CST);
	while (!__atomic_compare_exchange_n(&meta->generation, &generation,
	                                    generation_next(generation, step), false,
	                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	maps_munmap(meta, MAP_META);
	return 0;
}

__u64 generation_store_change(const struct maps *maps)
{
	struct xrl_meta meta;

	return read_meta(maps, &meta) ? meta.store_change : 0;
}

/* A store into memory, too: a system call would overwrite the generation with an older one. */
int generation_set_store_change(const struct maps *maps, __u64 change)
{
	struct xrl_meta *meta = maps_mmap(maps, MAP_META, true);

	if (!meta)
		return -errno;
	__atomic_store_n(&meta->store_change, change, __ATOMIC_SEQ_CST);
	maps_munmap(meta, MAP_META);
	return 0;
}
