// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/source.h"

#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <bpf/bpf.h>

#include "include/bucket.h"
#include "include/permit.h"
#include "user/datapath/cidr_map.h"
#include "user/datapath/gate.h"
#include "user/datapath/generation.h"
#include "user/datapath/inner_map.h"
#include "user/util/clock.h"

typedef __u64 __attribute__((may_alias)) word;

/* A bucket, and which parts of it are valid under the active policy. */
struct view {
	struct maps *maps;
	const struct xrl_policy *policy;
	__u32 generation;
	struct xrl_bucket bucket;
	bool same_class; /* false: the next packet closes all windows */
};

static __u64 word_of(const void *at)
{
	return *(const word *)at;
}

static void read_permit(const struct maps *maps, struct source *source)
{
	struct xrl_permit permit;

	if (!bpf_map_lookup_elem(maps->fds[MAP_PERMITS], &source->address, &permit) &&
	    permit.until_boot_ns > source->now_ns)
		source->permit_until_boot_ns = permit.until_boot_ns;
}

/* As the program classifies a source (bpf/bucket/classify.h). */
static __u32 choose_class(const struct view *view, struct source *source)
{
	__u32 number = view->policy->default_class;

	source->reason = BY_DEFAULT;
	if (source->permit_until_boot_ns && view->policy->permitted_class < XRL_MAX_CLASSES) {
		number = view->policy->permitted_class;
		source->reason = BY_PERMIT;
	} else if (cidr_map_find(view->maps, view->generation & 1, &source->address,
	                         &source->cidr)) {
		number = source->cidr.class_number;
		source->reason = BY_CIDR;
	}
	return number & (XRL_MAX_CLASSES - 1);
}

/* A limit newer than the bucket's classification has no state in the bucket. */
static bool is_newer(const struct view *view, const struct xrl_limit *limit)
{
	return (__s32)(limit->since_generation - (__u32)view->bucket.resolved.generation) > 0;
}

static struct limit_usage usage_of_window(const struct view *view, const struct source *source,
                                          const struct xrl_limit *limit, __u32 slot)
{
	const struct xrl_bucket *bucket = &view->bucket;
	__u64 window = view->same_class && !is_newer(view, limit)
	                       ? word_of(slot == XRL_ICMP_ERRORS ? &bucket->icmp_errors
	                                                         : &bucket->windows[slot])
	                       : 0;

	return limit_usage_of(limit, window, view->bucket.checked_ticks, source->now_ns);
}

static bool read_class_bucket(const struct maps *maps, const struct xrl_limit *limit,
                              struct xrl_separate_bucket *bucket)
{
	const struct xrl_class_bucket *buckets = maps_mmap(maps, MAP_CLASS_BUCKETS, false);

	if (!buckets)
		return false;
	*bucket = buckets[limit->id & (XRL_CLASS_BUCKETS - 1)].bucket;
	maps_munmap((void *)buckets, MAP_CLASS_BUCKETS);
	return true;
}

static struct xrl_address prefix_of(const struct xrl_address *address, __u32 bits)
{
	struct xrl_address prefix;
	__u32 whole;

	memcpy(&whole, address, sizeof(whole));
	whole &= htonl(~0U << (32 - bits));
	memcpy(&prefix, &whole, sizeof(prefix));
	return prefix;
}

/* `map`: the scoped buckets. -1: none. */
static struct limit_usage usage_of_scoped(const struct view *view, const struct source *source,
                                          const struct xrl_limit *limit, int map)
{
	struct xrl_separate_bucket bucket = {};
	struct xrl_separate_key key = {.limit_id = limit->id};

	if (limit->scope_bits == XRL_SCOPE_CLASS) {
		read_class_bucket(view->maps, limit, &bucket);
	} else {
		key.address = prefix_of(&source->address, limit->scope_bits);
		if (map < 0 || bpf_map_lookup_elem(map, &key, &bucket))
			bucket = (struct xrl_separate_bucket){};
	}
	return limit_usage_of(limit, word_of(&bucket.window), bucket.checked_ticks, source->now_ns);
}

static struct source_limit limit_of(const struct source *source, const struct xrl_limit *limit,
                                    struct limit_usage usage)
{
	return (struct source_limit){
		.limit = limit,
		.usage = usage,
		.rejects = usage.retry_ns && !source->permitted &&
	                   source->class->action != XRL_MONITOR,
	};
}

static void read_limits(const struct view *view, struct source *source)
{
	const struct xrl_class *class = source->class;
	int map = class->separate_count
	                  ? inner_map_open(view->maps, INNER_SCOPED, view->generation & 1)
	                  : -1;

	for (__u32 i = 0; i < class->limit_count && i < XRL_MAX_LIMITS; i++)
		if (class->limits[i].period_ns)
			source->limits[source->limit_count++] =
				limit_of(source, &class->limits[i],
			                 usage_of_window(view, source, &class->limits[i], i));
	for (__u32 i = 0; i < class->separate_count && i < XRL_MAX_SCOPED; i++)
		source->limits[source->limit_count++] =
			limit_of(source, &class->separate[i],
		                 usage_of_scoped(view, source, &class->separate[i], map));
	source->icmp_errors = limit_of(
		source, &class->limits[XRL_ICMP_ERRORS],
		usage_of_window(view, source, &class->limits[XRL_ICMP_ERRORS], XRL_ICMP_ERRORS));
	if (map >= 0)
		close(map);
}

static void read_penalty(const struct view *view, struct source *source)
{
	const struct xrl_limit *penalty = &source->class->penalty;

	if (view->same_class && penalty->period_ns && !is_newer(view, penalty) &&
	    !source->permitted)
		source->penalty_ns =
			limit_usage_penalty_ns(penalty, word_of(&view->bucket.resolved),
		                               view->bucket.checked_ticks, source->now_ns);
}

enum exit_code source_read(struct maps *maps, const struct xrl_address *address,
                           struct source *source)
{
	struct view view = {.maps = maps};
	__u32 number;

	*source = (struct source){.address = *address};
	view.policy = generation_policy(maps, &view.generation);
	if (!view.policy)
		return fail(EXIT_FAILED, "run attach again to repair that",
		            "there is no policy in %s", maps->pin_dir);
	/* a look-up by system call does not change the LRU order */
	source->has_bucket = !bpf_map_lookup_elem(maps->fds[MAP_BUCKETS], address, &view.bucket);
	source->is_newcomer =
		!source->has_bucket && gate_read_newcomer(maps, address, &source->newcomer);
	source->now_ns = clock_boot_ns();
	read_permit(maps, source);
	number = choose_class(&view, source);
	source->class = &view.policy->classes[number];
	source->permitted = source->permit_until_boot_ns && source->reason != BY_PERMIT;
	view.same_class = source->has_bucket && view.bucket.resolved.generation &&
	                  view.bucket.resolved.class_number == number;
	read_limits(&view, source);
	read_penalty(&view, source);
	return EXIT_DONE;
}
