// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* What can be said of a policy only when all of it has been read. */

#include <stdio.h>
#include <string.h>

#include "user/util/xalloc.h"
#include "user/util/parse_error.h"
#include "user/config/policy_sections.h"
#include "include/bucket.h"

/* A name of a class that isn't there. What a mistake has left out isn't looked for. */
static void complain_class(const struct policy_reader *reader, const char *key,
                           const struct class_reference *reference)
{
	const struct xrl_policy *policy = reader->policy->compiled;
	__u32 count = policy_count_classes(policy);
	const char *names[XRL_MAX_CLASSES];
	char parse_error[PARSE_ERROR_SIZE];

	if (reader->class_missing)
		return;
	for (__u32 i = 0; i < count; i++)
		names[i] = policy->classes[i].name;
	if (count)
		parse_fail_word(&(struct parse_error){parse_error, sizeof(parse_error)}, "class",
		                reference->name, names, count);
	else
		snprintf(parse_error, sizeof(parse_error), "unknown class '%s'; there is none",
		         reference->name);
	findings_mistake(reader->findings, reference->line, "%s: %s", key, parse_error);
}

/* XRL_MAX_CLASSES: there is none of this name, or it isn't given. */
static __u32 look_up(const struct policy_reader *reader, const char *key,
                     const struct class_reference *reference)
{
	const struct xrl_policy *policy = reader->policy->compiled;
	__u32 count = policy_count_classes(policy);

	if (!reference->name[0])
		return XRL_MAX_CLASSES;
	for (__u32 i = 0; i < count; i++)
		if (!strcmp(policy->classes[i].name, reference->name))
			return i;
	complain_class(reader, key, reference);
	return XRL_MAX_CLASSES;
}

static void resolve_permitted(struct policy_reader *reader)
{
	struct xrl_policy *policy = reader->policy->compiled;
	__u32 number = look_up(reader, "class", &reader->permitted_class);

	policy->permitted_class = number;
	if (number < XRL_MAX_CLASSES && !reader->lines[number].limit)
		findings_mistake(reader->findings, reader->permitted_class.line,
		                 "class '%s' has no limits: leave this line away, then sources "
		                 "with a permit have none",
		                 reader->permitted_class.name);
}

/* Of what is said about all of it: the section where it could have been said, or the first. */
static int line_of_policy(const struct policy_reader *reader)
{
	if (reader->limiter_line)
		return reader->limiter_line;
	if (reader->lines[0].section)
		return reader->lines[0].section;
	return reader->icmp_line ? reader->icmp_line : reader->flood_line;
}

/* Without being named, the default class is the only one that could be it. */
static __u32 guess_default(const struct policy_reader *reader)
{
	const struct xrl_policy *policy = reader->policy->compiled;
	__u32 count = policy_count_classes(policy), found = XRL_MAX_CLASSES;

	for (__u32 i = 0; i < count; i++) {
		if (reader->lines[i].sources || i == policy->permitted_class)
			continue;
		if (found < XRL_MAX_CLASSES) {
			findings_mistake(reader->findings, reader->lines[i].section,
			                 "'%s' and '%s' have no sources, and any of them could be "
			                 "the default class; expected default = NAME in [limiter]",
			                 policy->classes[found].name, policy->classes[i].name);
			return XRL_MAX_CLASSES;
		}
		found = i;
	}
	if (found < XRL_MAX_CLASSES)
		return found;
	findings_mistake(reader->findings, line_of_policy(reader),
	                 "there is no default class; expected %s",
	                 count ? "default = NAME in [limiter], or a class without sources"
	                       : "a section [class NAME]");
	return XRL_MAX_CLASSES;
}

static void resolve_default(struct policy_reader *reader)
{
	struct xrl_policy *policy = reader->policy->compiled;

	if (reader->default_class.line)
		policy->default_class = look_up(reader, "default", &reader->default_class);
	else if (!reader->class_missing)
		policy->default_class = guess_default(reader);
}

static void move_cidrs(struct policy_reader *reader)
{
	struct policy *policy = reader->policy;
	struct cidr_list *list = &reader->cidrs;

	cidr_list_settle(list, policy->compiled, reader->findings);
	policy->cidrs = xcalloc(list->count, sizeof(*policy->cidrs));
	policy->cidr_count = list->count;
	for (size_t i = 0; i < list->count; i++)
		policy->cidrs[i] = list->entries[i].cidr;
}

static void set_warn_units(struct xrl_limit *limit, __u32 percent)
{
	limit->warn_units = (limit->max_units * percent + 99) / 100;
}

static void complete_class(const struct policy_reader *reader, struct xrl_class *class)
{
	if (reader->icmp_limit.max_units)
		class->limits[XRL_ICMP_ERRORS] = reader->icmp_limit;
	for (__u32 i = 0; i < class->limit_count; i++)
		set_warn_units(&class->limits[i], class->warn_percent);
	for (__u32 i = 0; i < class->separate_count; i++)
		set_warn_units(&class->separate[i], class->warn_percent);
}

/* Their buckets are in an array, which is no larger. */
static void check_class_scopes(const struct policy_reader *reader)
{
	const struct xrl_policy *policy = reader->policy->compiled;
	__u32 count = policy_count_classes(policy), found = 0;

	for (__u32 i = 0; i < count; i++)
		for (__u32 j = 0; j < policy->classes[i].separate_count; j++) {
			if (policy->classes[i].separate[j].scope_bits != XRL_SCOPE_CLASS ||
			    ++found != XRL_CLASS_BUCKETS + 1)
				continue;
			findings_mistake(reader->findings, reader->lines[i].separate[j],
			                 "there are more than %d limits with 'scope class'",
			                 XRL_CLASS_BUCKETS);
		}
}

void policy_reader_end(struct policy_reader *reader)
{
	struct xrl_policy *policy = reader->policy->compiled;
	__u32 count = policy_count_classes(policy);

	move_cidrs(reader);
	resolve_permitted(reader);
	if (reader->given)
		resolve_default(reader);
	for (__u32 i = 0; i < count; i++)
		complete_class(reader, &policy->classes[i]);
	check_class_scopes(reader);
	policy_reader_doubts(reader);
}
