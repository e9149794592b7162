// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/policy/merge.h: which state of the active policy the next one keeps. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include <cmocka.h>

#include "user/policy/limit.h"
#include "user/policy/merge.h"
#include "tests/unit/random.h"

static const struct xrl_class *class_named(const struct policy *policy, const char *name)
{
	for (int i = 0; i < XRL_MAX_CLASSES; i++)
		if (!strcmp(policy->compiled->classes[i].name, name))
			return &policy->compiled->classes[i];
	return NULL;
}

static __u32 number_of(const struct policy *policy, const char *name)
{
	return class_named(policy, name) - policy->compiled->classes;
}

static void add_limit(struct xrl_class *class, const char *text)
{
	struct xrl_limit limit;
	char parse_error[480];

	assert_int_equal(limit_parse(text, &limit, parse_error, sizeof(parse_error)), 0);
	if (limit.endpoint_protocol || limit.scope_bits != XRL_SCOPE_SOURCE)
		class->separate[class->separate_count++] = limit;
	else
		class->limits[class->limit_count++] = limit;
}

/* A policy from lines "NAME: LIMIT, LIMIT"; the first class is the default. */
static struct policy policy_of(const char *const *lines)
{
	struct policy policy;

	policy_set_default(&policy);
	memset(policy.compiled, 0, sizeof(*policy.compiled));
	policy.compiled->permitted_class = XRL_MAX_CLASSES;
	for (; *lines; lines++) {
		char text[400], *rest, *name, *limit;
		struct xrl_class *class;

		snprintf(text, sizeof(text), "%s", *lines);
		name = strtok_r(text, ":", &rest);
		class = policy_add_class(&policy, name);
		while ((limit = strtok_r(NULL, ",", &rest)))
			add_limit(class, limit + strspn(limit, " "));
	}
	return policy;
}

#define POLICY(...) policy_of((const char *const[]){__VA_ARGS__, NULL})

static struct policy_merge merged;

/* Activates `next` in place of `policy`. */
static void follow(struct policy *policy, struct policy next, __u32 generation)
{
	assert_int_equal(policy_merge(&next, policy->compiled, generation, &merged), 0);
	policy_free(policy);
	*policy = next;
}

static struct policy begin(struct policy first, __u32 generation)
{
	assert_int_equal(policy_merge(&first, NULL, generation, &merged), 0);
	return first;
}

static void classes_keep_their_numbers(void **state)
{
	struct policy policy = begin(POLICY("a:", "b:", "c:"), 1);

	(void)state;
	follow(&policy, POLICY("d:", "c:", "b:"), 2);
	assert_int_equal(number_of(&policy, "b"), 1);
	assert_int_equal(number_of(&policy, "c"), 2);
	assert_int_equal(number_of(&policy, "d"), 0);
	assert_int_equal(policy.compiled->permitted_class, XRL_MAX_CLASSES);
	follow(&policy, POLICY("c:"), 3);
	assert_int_equal(number_of(&policy, "c"), 2);
	assert_string_equal(policy.compiled->classes[0].name, "");
	policy_free(&policy);
}

static void what_names_classes_follows_their_numbers(void **state)
{
	struct policy policy = begin(POLICY("a:", "b:", "c:"), 1), next = POLICY("c:", "x:", "b:");

	(void)state;
	next.compiled->default_class = 2;
	next.compiled->permitted_class = 0;
	next.redirects[1] = 7;
	next.redirects[2] = 9;
	next.cidrs = calloc(3, sizeof(*next.cidrs));
	next.cidr_count = 3;
	for (int i = 0; i < 3; i++)
		next.cidrs[i].class_number = i;
	follow(&policy, next, 2);
	assert_int_equal(policy.compiled->default_class, 1);
	assert_int_equal(policy.compiled->permitted_class, 2);
	assert_int_equal(policy.redirects[0], 7);
	assert_int_equal(policy.redirects[1], 9);
	assert_int_equal(policy.redirects[2], 0);
	assert_int_equal(policy.cidrs[0].class_number, 2);
	assert_int_equal(policy.cidrs[1].class_number, 0);
	assert_int_equal(policy.cidrs[2].class_number, 1);
	policy_free(&policy);
}

static void all_classes_at_once_find_a_number(void **state)
{
	struct policy policy, next;
	char name[XRL_CLASS_NAME_SIZE];

	(void)state;
	policy = POLICY("c0:");
	next = POLICY("c255:");
	for (int i = 1; i < XRL_MAX_CLASSES; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		policy_add_class(&policy, name);
		snprintf(name, sizeof(name), i % 2 ? "c%d" : "new%d", 255 - i);
		policy_add_class(&next, name);
	}
	policy = begin(policy, 1);
	follow(&policy, next, 2);
	assert_int_equal(policy_count_classes(policy.compiled), XRL_MAX_CLASSES);
	assert_int_equal(number_of(&policy, "c0"), 0);
	assert_int_equal(number_of(&policy, "c254"), 254);
	policy_free(&policy);
}

static __u32 since(const struct policy *policy, const char *name, int place)
{
	return class_named(policy, name)->limits[place].since_generation;
}

static void limits_that_stay_go_on(void **state)
{
	struct policy policy =
		begin(POLICY("a: 1/1s packets, 2/1s packets sliding", "b: 1/1s packets"), 1);

	(void)state;
	for (int i = 0; i < XRL_WINDOWS; i++)
		assert_int_equal(since(&policy, "a", i), 1);
	follow(&policy, POLICY("a: 3/1s packets, 2/1s packets sliding", "b: 1/1s packets"), 2);
	assert_int_equal(since(&policy, "a", 0), 2);
	assert_int_equal(since(&policy, "a", 1), 1);
	assert_int_equal(since(&policy, "a", 2), 1);
	assert_int_equal(since(&policy, "a", XRL_ICMP_ERRORS), 1);
	assert_int_equal(since(&policy, "b", 0), 1);
	policy_free(&policy);
}

static void limits_keep_their_places_in_another_order(void **state)
{
	struct policy policy = begin(POLICY("a: 1/1s packets, 2/1s bytes, 3/1s packets token"), 1);
	const struct xrl_class *class;

	(void)state;
	follow(&policy, POLICY("a: 3/1s packets token, 1/1s packets, 9/1s packets, 2/1s bytes"), 2);
	class = class_named(&policy, "a");
	assert_int_equal(class->limits[0].max_units, 1);
	assert_int_equal(class->limits[1].unit, XRL_BYTES);
	assert_int_equal(class->limits[2].algorithm, XRL_TOKEN);
	assert_int_equal(class->limits[3].max_units, 9);
	for (int i = 0; i < 3; i++)
		assert_int_equal(class->limits[i].since_generation, 1);
	assert_int_equal(class->limits[3].since_generation, 2);
	policy_free(&policy);
}

/* Windows cannot be moved: a limit removed before them leaves an empty slot. */
static void limits_stay_where_others_are_taken_away(void **state)
{
	struct policy policy = begin(POLICY("a: 1/1s packets, 2/1s packets, 3/1s packets"), 1);
	const struct xrl_class *class;

	(void)state;
	for (__u32 generation = 2; generation < 4; generation++) {
		follow(&policy, POLICY("a: 2/1s packets, 3/1s packets"), generation);
		class = class_named(&policy, "a");
		assert_int_equal(class->limit_count, 3);
		assert_int_equal(class->limits[0].period_ns, 0);
		assert_int_equal(class->limits[1].max_units, 2);
		assert_int_equal(class->limits[2].max_units, 3);
		assert_int_equal(class->limits[0].since_generation, 2);
		assert_int_equal(class->limits[1].since_generation, 1);
		assert_int_equal(class->limits[2].since_generation, 1);
		assert_false(class->is_plain);
		assert_true(class->settled_max_jiffies > 0);
	}
	follow(&policy, POLICY("a: 4/1s packets, 3/1s packets"), 4);
	class = class_named(&policy, "a");
	assert_int_equal(class->limits[0].max_units, 4);
	assert_int_equal(class->limits[0].since_generation, 4);
	assert_int_equal(class->limits[1].period_ns, 0);
	assert_int_equal(class->limits[2].since_generation, 1);
	policy_free(&policy);
}

static void a_place_that_was_empty_meanwhile_is_new(void **state)
{
	struct policy policy = begin(POLICY("a: 1/1s packets, 2/1s packets"), 1);

	(void)state;
	follow(&policy, POLICY("a: 1/1s packets"), 2);
	assert_int_equal(since(&policy, "a", 1), 2);
	follow(&policy, POLICY("a: 1/1s packets"), 3);
	assert_int_equal(since(&policy, "a", 1), 2);
	follow(&policy, POLICY("a: 1/1s packets, 2/1s packets"), 4);
	assert_int_equal(since(&policy, "a", 0), 1);
	assert_int_equal(since(&policy, "a", 1), 4);
	policy_free(&policy);
}

static void a_class_that_was_gone_is_new(void **state)
{
	struct policy policy = begin(POLICY("a: 1/1s packets", "b: 1/1s packets"), 1);

	(void)state;
	follow(&policy, POLICY("a: 1/1s packets"), 2);
	follow(&policy, POLICY("a: 1/1s packets", "c: 1/1s packets"), 3);
	assert_int_equal(number_of(&policy, "c"), 1);
	for (int i = 0; i < XRL_WINDOWS; i++)
		assert_int_equal(since(&policy, "c", i), 3);
	assert_int_equal(class_named(&policy, "c")->penalty.since_generation, 3);
	assert_int_equal(since(&policy, "a", 0), 1);
	policy_free(&policy);
}

static void every_property_makes_another_limit(void **state)
{
	static const char *const others[] = {
		"a: 11/1s packets",         "a: 10/2s packets",       "a: 10/1s bytes",
		"a: 10/1s packets sliding", "a: 10/1s packets token",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct policy policy = begin(POLICY("a: 10/1s packets"), 1);

		follow(&policy, POLICY(others[i]), 2);
		assert_int_equal(since(&policy, "a", 0), 2);
		policy_free(&policy);
	}
}

static void a_warning_makes_no_other_limit(void **state)
{
	struct policy policy = begin(POLICY("a: 10/1s packets"), 1),
		      next = POLICY("a: 10/1s packets");

	(void)state;
	next.compiled->classes[0].limits[0].warn_units = 8;
	follow(&policy, next, 2);
	assert_int_equal(since(&policy, "a", 0), 1);
	assert_int_equal(class_named(&policy, "a")->limits[0].warn_units, 8);
	policy_free(&policy);
}

static void a_penalty_goes_on_with_its_period(void **state)
{
	struct policy policy = POLICY("a: 1/1s packets"), next = POLICY("a: 2/1s packets");
	struct policy longer = POLICY("a: 2/1s packets");

	(void)state;
	limit_set(&policy.compiled->classes[0].penalty, 1, 1000000000, XRL_PACKETS);
	limit_set(&next.compiled->classes[0].penalty, 1, 1000000000, XRL_PACKETS);
	limit_set(&longer.compiled->classes[0].penalty, 1, 2000000000, XRL_PACKETS);
	policy = begin(policy, 1);
	follow(&policy, next, 2);
	assert_int_equal(class_named(&policy, "a")->penalty.since_generation, 1);
	follow(&policy, longer, 3);
	assert_int_equal(class_named(&policy, "a")->penalty.since_generation, 3);
	policy_free(&policy);
}

static __u32 id_of(const struct policy *policy, const char *name, int i)
{
	return class_named(policy, name)->separate[i].id;
}

static void separate_limits_keep_their_ids(void **state)
{
	struct policy policy =
		begin(POLICY("a: 1/1s packets scope /24, 2/1s packets endpoint tcp/1"), 1);

	(void)state;
	assert_int_equal(id_of(&policy, "a", 0), 1);
	assert_int_equal(id_of(&policy, "a", 1), 2);
	follow(&policy, POLICY("a: 2/1s packets endpoint tcp/1, 3/1s packets scope /24"), 2);
	assert_int_equal(id_of(&policy, "a", 0), 2);
	assert_int_equal(class_named(&policy, "a")->separate[0].since_generation, 1);
	assert_int_equal(id_of(&policy, "a", 1), 3);
	assert_int_equal(class_named(&policy, "a")->separate[1].since_generation, 2);
	policy_free(&policy);
}

static void ids_are_never_given_twice(void **state)
{
	struct policy policy = begin(POLICY("a: 1/1s packets scope /24"), 1);

	(void)state;
	follow(&policy, POLICY("a: 5/1s packets"), 2);
	follow(&policy, POLICY("a: 1/1s packets scope /24"), 3);
	assert_int_equal(id_of(&policy, "a", 0), 2);
	follow(&policy, POLICY("b: 1/1s packets scope /24"), 4);
	assert_int_equal(id_of(&policy, "b", 0), 3);
	assert_int_equal(policy.compiled->last_limit_id, 3);
	policy_free(&policy);
}

static void twins_have_an_id_each(void **state)
{
	struct policy policy =
		begin(POLICY("a: 1/1s packets scope /24, 1/1s packets scope /24"), 1);

	(void)state;
	follow(&policy, POLICY("a: 1/1s packets scope /24, 1/1s packets scope /24"), 2);
	assert_int_equal(id_of(&policy, "a", 0), 1);
	assert_int_equal(id_of(&policy, "a", 1), 2);
	policy_free(&policy);
}

static void a_new_bucket_of_a_class_is_nobody_elses(void **state)
{
	struct policy policy = begin(POLICY("a: 1/1s packets scope class"), 1);
	__u32 first = id_of(&policy, "a", 0), second;

	(void)state;
	assert_true(merged.is_new_slot[first]);
	follow(&policy, POLICY("b: 7/1s packets scope class", "a: 1/1s packets scope class"), 2);
	assert_int_equal(id_of(&policy, "a", 0), first);
	assert_false(merged.is_new_slot[first]);
	second = id_of(&policy, "b", 0);
	assert_int_not_equal(second, first);
	assert_true(merged.is_new_slot[second]);
	/* a slot of the previous policy is still being written */
	follow(&policy, POLICY("a: 2/1s packets scope class"), 3);
	assert_int_not_equal(id_of(&policy, "a", 0), first);
	assert_int_not_equal(id_of(&policy, "a", 0), second);
	assert_int_equal(policy.compiled->last_limit_id, 0);
	policy_free(&policy);
}

/* `count` limits, eight per class, each with a bucket for the whole class. */
static struct policy shared_limits(int count, int max_units)
{
	struct policy policy = POLICY("c0:");
	char text[64];

	for (int i = 0; i < count; i++) {
		struct xrl_class *class = &policy.compiled->classes[i / XRL_MAX_SCOPED];

		if (!class->name[0]) {
			snprintf(text, sizeof(text), "c%d", i / XRL_MAX_SCOPED);
			class = policy_add_class(&policy, text);
		}
		snprintf(text, sizeof(text), "%d/1s packets scope class", max_units + i);
		add_limit(class, text);
	}
	return policy;
}

static void when_all_buckets_of_classes_are_taken(void **state)
{
	struct policy policy = shared_limits(XRL_CLASS_BUCKETS + 1, 1), half, next;

	(void)state;
	assert_int_equal(policy_merge(&policy, NULL, 1, &merged), -ENOSPC);
	policy_free(&policy);
	policy = begin(shared_limits(XRL_CLASS_BUCKETS, 1), 1);
	next = shared_limits(XRL_CLASS_BUCKETS, 2);
	assert_int_equal(policy_merge(&next, policy.compiled, 2, &merged), -ENOSPC);
	policy_free(&next);
	follow(&policy, shared_limits(XRL_CLASS_BUCKETS, 1), 2);
	half = shared_limits(XRL_CLASS_BUCKETS / 2, 1);
	follow(&policy, half, 3);
	follow(&policy, shared_limits(XRL_CLASS_BUCKETS / 2, 5000), 4);
	follow(&policy, shared_limits(XRL_CLASS_BUCKETS / 2, 9000), 5);
	policy_free(&policy);
}

static struct policy random_policy(void)
{
	static const char *const texts[] = {"1/1s packets", "2/1s packets", "3/1s packets sliding",
	                                    "4/1s bytes", "5/1m connections token burst 9"};
	static const char *const names[] = {"a", "b", "c", "d"};
	struct policy policy = POLICY("only:");

	for (size_t i = 0; i < 4; i++) {
		struct xrl_class *class =
			random_below(3) ? policy_add_class(&policy, names[i]) : NULL;

		for (__u64 j = random_below(XRL_MAX_LIMITS + 1); class && j; j--)
			add_limit(class, texts[random_below(5)]);
	}
	return policy;
}

/* The class of the same name in the previous policy; NULL: none, or one with another number. */
static const struct xrl_class *before(const struct policy *old, const struct xrl_class *class,
                                      __u32 number)
{
	const struct xrl_class *same = class_named(old, class->name);

	return same && same - old->compiled->classes == number ? same : NULL;
}

static void a_window_goes_on_if_and_only_if_its_limit_was_there(void **state)
{
	struct policy policy = begin(random_policy(), 1), next;

	(void)state;
	for (__u32 generation = 2; generation < 2000; generation++) {
		next = random_policy();
		assert_int_equal(policy_merge(&next, policy.compiled, generation, &merged), 0);
		for (__u32 i = 0; i < XRL_MAX_CLASSES; i++) {
			const struct xrl_class *class = &next.compiled->classes[i], *old;

			if (!class->name[0])
				continue;
			old = before(&policy, class, i);
			assert_int_equal(!!old, !!class_named(&policy, class->name));
			for (int j = 0; j < XRL_WINDOWS; j++)
				assert_int_equal(
					class->limits[j].since_generation,
					old && policy_same_limit(&class->limits[j], &old->limits[j])
						? old->limits[j].since_generation
						: generation);
		}
		policy_free(&policy);
		policy = next;
	}
	policy_free(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_keep_their_numbers),
		cmocka_unit_test(what_names_classes_follows_their_numbers),
		cmocka_unit_test(all_classes_at_once_find_a_number),
		cmocka_unit_test(limits_that_stay_go_on),
		cmocka_unit_test(limits_keep_their_places_in_another_order),
		cmocka_unit_test(limits_stay_where_others_are_taken_away),
		cmocka_unit_test(a_place_that_was_empty_meanwhile_is_new),
		cmocka_unit_test(a_class_that_was_gone_is_new),
		cmocka_unit_test(every_property_makes_another_limit),
		cmocka_unit_test(a_warning_makes_no_other_limit),
		cmocka_unit_test(a_penalty_goes_on_with_its_period),
		cmocka_unit_test(separate_limits_keep_their_ids),
		cmocka_unit_test(ids_are_never_given_twice),
		cmocka_unit_test(twins_have_an_id_each),
		cmocka_unit_test(a_new_bucket_of_a_class_is_nobody_elses),
		cmocka_unit_test(when_all_buckets_of_classes_are_taken),
		cmocka_unit_test(a_window_goes_on_if_and_only_if_its_limit_was_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
