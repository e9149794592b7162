// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/policy/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/xalloc.h"
#include "user/policy/class.h"

#define NOT_THERE XRL_MAX_CLASSES

/* The new number of each class by its old one. */
struct renumbering {
	__u32 number[XRL_MAX_CLASSES + 1]; /* the last one maps NOT_THERE to itself */
};

bool policy_same_limit(const struct xrl_limit *a, const struct xrl_limit *b)
{
	return a->algorithm == b->algorithm && a->unit == b->unit &&
	       a->rate_units == b->rate_units && a->max_units == b->max_units &&
	       a->period_ns == b->period_ns && a->scope_bits == b->scope_bits &&
	       a->endpoint_protocol == b->endpoint_protocol && a->first_port == b->first_port &&
	       a->last_port == b->last_port;
}

static __u32 find_class(const struct xrl_policy *policy, const char *name)
{
	for (__u32 i = 0; policy && i < XRL_MAX_CLASSES; i++)
		if (policy->classes[i].name[0] && !strcmp(policy->classes[i].name, name))
			return i;
	return NOT_THERE;
}

/* Classes that exist in the old policy keep their numbers; the others get free ones. */
static void renumber(const struct xrl_policy *policy, const struct xrl_policy *old,
                     struct renumbering *by)
{
	bool taken[XRL_MAX_CLASSES] = {};
	__u32 next = 0;

	by->number[NOT_THERE] = NOT_THERE;
	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++) {
		by->number[i] = policy->classes[i].name[0]
		                        ? find_class(old, policy->classes[i].name)
		                        : NOT_THERE;
		if (by->number[i] != NOT_THERE)
			taken[by->number[i]] = true;
	}
	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++) {
		if (!policy->classes[i].name[0] || by->number[i] != NOT_THERE)
			continue;
		while (taken[next])
			next++;
		taken[next] = true;
		by->number[i] = next;
	}
}

static __u32 new_number(const struct renumbering *by, __u32 number)
{
	return by->number[number < NOT_THERE ? number : NOT_THERE];
}

static void move_classes(struct policy *policy, const struct renumbering *by)
{
	struct xrl_policy *compiled = policy->compiled;
	struct xrl_class *classes = xcalloc(XRL_MAX_CLASSES, sizeof(*classes));
	__u32 redirects[XRL_MAX_CLASSES] = {};

	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++) {
		if (by->number[i] == NOT_THERE)
			continue;
		classes[by->number[i]] = compiled->classes[i];
		redirects[by->number[i]] = policy->redirects[i];
	}
	memcpy(compiled->classes, classes, sizeof(compiled->classes));
	memcpy(policy->redirects, redirects, sizeof(redirects));
	free(classes);
	compiled->default_class = new_number(by, compiled->default_class);
	compiled->permitted_class = new_number(by, compiled->permitted_class);
	for (size_t i = 0; i < policy->cidr_count; i++)
		policy->cidrs[i].class_number = new_number(by, policy->cidrs[i].class_number);
}

/* The index of an equal limit in `class` that has no slot yet, or -1. */
static int find_limit(const struct xrl_class *class, const bool placed[XRL_MAX_LIMITS],
                      const struct xrl_limit *wanted)
{
	for (__u32 i = 0; i < class->limit_count; i++)
		if (!placed[i] && policy_same_limit(&class->limits[i], wanted))
			return i;
	return -1;
}

/* Puts limits of the old policy into the slots of their windows. */
static void keep_old_slots(const struct xrl_class *class, bool placed[XRL_MAX_LIMITS],
                           const struct xrl_class *old, struct xrl_limit *slots)
{
	for (__u32 i = 0; i < old->limit_count; i++) {
		int from =
			old->limits[i].period_ns ? find_limit(class, placed, &old->limits[i]) : -1;

		if (from < 0)
			continue;
		slots[i] = class->limits[from];
		placed[from] = true;
	}
}

/* Puts new limits into free slots. A removed limit leaves an empty slot unless a new one takes it,
 * because windows cannot be moved. */
static void keep_slots(struct xrl_class *class, const struct xrl_class *old)
{
	struct xrl_limit slots[XRL_MAX_LIMITS] = {};
	bool placed[XRL_MAX_LIMITS] = {};
	__u32 next = 0;

	keep_old_slots(class, placed, old, slots);
	for (__u32 i = 0; i < class->limit_count; i++) {
		if (placed[i] || !class->limits[i].period_ns)
			continue;
		while (slots[next].period_ns)
			next++;
		slots[next] = class->limits[i];
	}
	memcpy(class->limits, slots, sizeof(slots));
	class->limit_count = 0;
	for (__u32 i = 0; i < XRL_MAX_LIMITS; i++)
		if (slots[i].period_ns)
			class->limit_count = i + 1;
}

/* Keeps the generation of each unchanged limit, so that its window continues. Slots without a limit
 * count as unchanged, too. */
static void keep_windows(struct xrl_class *class, const struct xrl_class *old)
{
	for (__u32 i = 0; i < XRL_WINDOWS; i++)
		if (policy_same_limit(&class->limits[i], &old->limits[i]))
			class->limits[i].since_generation = old->limits[i].since_generation;
	if (class->penalty.period_ns == old->penalty.period_ns)
		class->penalty.since_generation = old->penalty.since_generation;
}

/* Marks every limit as new in this generation. */
static void reset_limits(struct xrl_class *class, __u32 generation)
{
	for (__u32 i = 0; i < XRL_WINDOWS; i++)
		class->limits[i].since_generation = generation;
	for (__u32 i = 0; i < class->separate_count; i++) {
		class->separate[i].since_generation = generation;
		class->separate[i].id = 0;
	}
	class->penalty.since_generation = generation;
}

/* Each old limit continues in at most one new limit. */
static void keep_ids(struct xrl_class *class, const struct xrl_class *old)
{
	bool taken[XRL_MAX_SCOPED] = {};

	for (__u32 i = 0; i < class->separate_count; i++) {
		struct xrl_limit *limit = &class->separate[i];
		__u32 j = 0;

		while (j < old->separate_count &&
		       (taken[j] || !policy_same_limit(limit, &old->separate[j])))
			j++;
		if (j == old->separate_count)
			continue;
		taken[j] = true;
		limit->id = old->separate[j].id;
		limit->since_generation = old->separate[j].since_generation;
	}
}

static bool is_new(const struct xrl_limit *limit, __u32 generation)
{
	return limit->since_generation == generation;
}

/* Marks the slots of class_buckets that the active policy uses. */
static void mark_slots(const struct xrl_policy *policy, bool taken[XRL_CLASS_BUCKETS])
{
	for (__u32 i = 0; policy && i < XRL_MAX_CLASSES; i++) {
		const struct xrl_class *class = &policy->classes[i];

		for (__u32 j = 0; j < class->separate_count; j++)
			if (class->separate[j].scope_bits == XRL_SCOPE_CLASS)
				taken[class->separate[j].id & (XRL_CLASS_BUCKETS - 1)] = true;
	}
}

/* An id that no limit has had, or a slot that no program writes to. */
static int give_id(struct xrl_limit *limit, struct xrl_policy *policy,
                   bool taken[XRL_CLASS_BUCKETS], struct policy_merge *merge)
{
	__u32 slot = 0;

	if (limit->scope_bits != XRL_SCOPE_CLASS) {
		limit->id = ++policy->last_limit_id;
		return 0;
	}
	while (slot < XRL_CLASS_BUCKETS && taken[slot])
		slot++;
	if (slot == XRL_CLASS_BUCKETS)
		return -ENOSPC;
	taken[slot] = true;
	merge->is_new_slot[slot] = true;
	limit->id = slot;
	return 0;
}

static int give_ids(struct xrl_policy *policy, const struct xrl_policy *old, __u32 generation,
                    struct policy_merge *merge)
{
	bool taken[XRL_CLASS_BUCKETS] = {};
	int error = 0;

	mark_slots(old, taken);
	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++) {
		struct xrl_class *class = &policy->classes[i];

		for (__u32 j = 0; j < class->separate_count && !error; j++)
			if (is_new(&class->separate[j], generation))
				error = give_id(&class->separate[j], policy, taken, merge);
	}
	return error;
}

int policy_merge(struct policy *policy, const struct xrl_policy *old, __u32 generation,
                 struct policy_merge *merge)
{
	struct xrl_policy *compiled = policy->compiled;
	struct renumbering by;

	*merge = (struct policy_merge){};
	renumber(compiled, old, &by);
	move_classes(policy, &by);
	compiled->last_limit_id = old ? old->last_limit_id : 0;
	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++) {
		struct xrl_class *class = &compiled->classes[i];
		bool continued = old && find_class(old, class->name) == i;

		if (!class->name[0])
			continue;
		if (continued)
			keep_slots(class, &old->classes[i]);
		class_derive(class);
		reset_limits(class, generation);
		if (!continued)
			continue;
		keep_windows(class, &old->classes[i]);
		keep_ids(class, &old->classes[i]);
	}
	return give_ids(compiled, old, generation, merge);
}
