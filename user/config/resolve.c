// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Resolves and checks a policy after all sections have been read. */

#include <stdio.h>
#include <string.h>

#include "user/util/xalloc.h"
#include "user/util/parse_error.h"
#include "user/config/policy_sections.h"
#include "include/bucket.h"

/* Reports an unknown class, unless an error has left out a class. */
static void fail_class(const struct policy_sections *sections, const char *key,
                       const struct class_reference *reference)
{
	const struct xrl_policy *policy = sections->policy->compiled;
	__u32 count = policy_count_classes(policy);
	const char *names[XRL_MAX_CLASSES];
	char parse_error[PARSE_ERROR_SIZE];

	if (sections->class_missing)
		return;
	for (__u32 i = 0; i < count; i++)
		names[i] = policy->classes[i].name;
	if (count)
		parse_fail_word(&(struct parse_error){parse_error, sizeof(parse_error)}, "class",
		                reference->name, names, count);
	else
		snprintf(parse_error, sizeof(parse_error),
		         "unknown class '%s'; no class is defined", reference->name);
	diagnostics_error(sections->diagnostics, reference->line, "%s: %s", key, parse_error);
}

/* XRL_MAX_CLASSES: no class has this name, or none is given. */
static __u32 look_up(const struct policy_sections *sections, const char *key,
                     const struct class_reference *reference)
{
	const struct xrl_policy *policy = sections->policy->compiled;
	__u32 count = policy_count_classes(policy);

	if (!reference->name[0])
		return XRL_MAX_CLASSES;
	for (__u32 i = 0; i < count; i++)
		if (!strcmp(policy->classes[i].name, reference->name))
			return i;
	fail_class(sections, key, reference);
	return XRL_MAX_CLASSES;
}

static void resolve_permitted(struct policy_sections *sections)
{
	struct xrl_policy *policy = sections->policy->compiled;
	__u32 number = look_up(sections, "class", &sections->permitted_class);

	policy->permitted_class = number;
	if (number < XRL_MAX_CLASSES && !sections->lines[number].limit)
		diagnostics_error(sections->diagnostics, sections->permitted_class.line,
		                  "class '%s' has no limits: remove this line, and sources with a "
		                  "permit have no limits",
		                  sections->permitted_class.name);
}

/* The line for errors about the whole policy: that of [limiter], or of the first section. */
static int line_of_policy(const struct policy_sections *sections)
{
	if (sections->limiter_line)
		return sections->limiter_line;
	if (sections->lines[0].section)
		return sections->lines[0].section;
	return sections->icmp_line ? sections->icmp_line : sections->flood_line;
}

/* If `default` is not given, the only eligible class is the default. */
static __u32 guess_default(const struct policy_sections *sections)
{
	const struct xrl_policy *policy = sections->policy->compiled;
	__u32 count = policy_count_classes(policy), found = XRL_MAX_CLASSES;

	for (__u32 i = 0; i < count; i++) {
		if (sections->lines[i].sources || i == policy->permitted_class)
			continue;
		if (found < XRL_MAX_CLASSES) {
			diagnostics_error(sections->diagnostics, sections->lines[i].section,
			                  "'%s' and '%s' have no sources, and either could be "
			                  "the default class; expected default = NAME in [limiter]",
			                  policy->classes[found].name, policy->classes[i].name);
			return XRL_MAX_CLASSES;
		}
		found = i;
	}
	if (found < XRL_MAX_CLASSES)
		return found;
	diagnostics_error(sections->diagnostics, line_of_policy(sections),
	                  "there is no default class; expected %s",
	                  count ? "default = NAME in [limiter], or a class without sources"
	                        : "a section [class NAME]");
	return XRL_MAX_CLASSES;
}

static void resolve_default(struct policy_sections *sections)
{
	struct xrl_policy *policy = sections->policy->compiled;

	if (sections->default_class.line)
		policy->default_class = look_up(sections, "default", &sections->default_class);
	else if (!sections->class_missing)
		policy->default_class = guess_default(sections);
}

static void move_cidrs(struct policy_sections *sections)
{
	struct policy *policy = sections->policy;
	struct cidr_list *list = &sections->cidrs;

	cidr_list_merge(list, policy->compiled, sections->diagnostics);
	policy->cidrs = xcalloc(list->count, sizeof(*policy->cidrs));
	policy->cidr_count = list->count;
	for (size_t i = 0; i < list->count; i++)
		policy->cidrs[i] = list->entries[i].cidr;
}

static void set_warn_units(struct xrl_limit *limit, __u32 percent)
{
	limit->warn_units = (limit->max_units * percent + 99) / 100;
}

static void complete_class(const struct policy_sections *sections, struct xrl_class *class)
{
	if (sections->icmp_limit.max_units)
		class->limits[XRL_ICMP_ERRORS] = sections->icmp_limit;
	for (__u32 i = 0; i < class->limit_count; i++)
		set_warn_units(&class->limits[i], class->warn_percent);
	for (__u32 i = 0; i < class->separate_count; i++)
		set_warn_units(&class->separate[i], class->warn_percent);
}

/* The array of class buckets has a fixed number of slots. */
static void check_class_scopes(const struct policy_sections *sections)
{
	const struct xrl_policy *policy = sections->policy->compiled;
	__u32 count = policy_count_classes(policy), found = 0;

	for (__u32 i = 0; i < count; i++)
		for (__u32 j = 0; j < policy->classes[i].separate_count; j++) {
			if (policy->classes[i].separate[j].scope_bits != XRL_SCOPE_CLASS ||
			    ++found != XRL_CLASS_BUCKETS + 1)
				continue;
			diagnostics_error(sections->diagnostics, sections->lines[i].separate[j],
			                  "there are more than %d limits with 'scope class'",
			                  XRL_CLASS_BUCKETS);
		}
}

void policy_sections_resolve(struct policy_sections *sections)
{
	struct xrl_policy *policy = sections->policy->compiled;
	__u32 count = policy_count_classes(policy);

	move_cidrs(sections);
	resolve_permitted(sections);
	if (sections->given)
		resolve_default(sections);
	for (__u32 i = 0; i < count; i++)
		complete_class(sections, &policy->classes[i]);
	check_class_scopes(sections);
	lint_policy(sections);
}
