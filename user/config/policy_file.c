// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/config/policy_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/xalloc.h"
#include "user/config/config_file.h"
#include "user/util/failpoint.h"
#include "user/policy/limit.h"

/* The whole path, or as much of its end as fits. */
static void set_file(struct xrl_policy *policy, const char *path)
{
	char *absolute = realpath(path, NULL);
	size_t length;

	if (absolute)
		path = absolute;
	length = strlen(path);
	if (length < sizeof(policy->file))
		memcpy(policy->file, path, length);
	else
		snprintf(policy->file, sizeof(policy->file), "...%s",
		         path + length - (sizeof(policy->file) - sizeof("...")));
	free(absolute);
}

static void set_period(struct xrl_limit *limit)
{
	__u64 period_ns = failpoint_period_ns(limit->period_ns);

	if (period_ns == limit->period_ns)
		return;
	limit->period_ns = period_ns;
	limit_derive(limit);
}

/* For tests, which cannot wait for a day. */
static void set_periods(struct xrl_policy *policy)
{
	for (__u32 i = 0; i < policy_count_classes(policy); i++) {
		struct xrl_class *class = &policy->classes[i];

		for (__u32 j = 0; j < class->limit_count; j++)
			set_period(&class->limits[j]);
		for (__u32 j = 0; j < class->separate_count; j++)
			set_period(&class->separate[j]);
		if (class->penalty.period_ns)
			set_period(&class->penalty);
	}
}

/* Completes the policy that was read, or sets the default if the file has none. */
static void complete(struct policy *policy, const struct policy_sections *sections,
                     const char *path)
{
	if (!sections->given) {
		policy_free(policy);
		policy_set_default(policy);
		return;
	}
	memcpy(policy->compiled->sha256, sections->sha256, sizeof(sections->sha256));
	set_file(policy->compiled, path);
	set_periods(policy->compiled);
	policy_derive(policy);
}

enum exit_code policy_file_read_all(const char *path, bool must_exist, struct settings *settings,
                                    struct policy *policy, bool *is_given)
{
	struct policy_sections *sections = xcalloc(1, sizeof(*sections));
	struct diagnostics diagnostics = {};
	enum exit_code code;
	int error;

	if (settings)
		settings_set_default(settings);
	policy_sections_begin(sections, policy, &diagnostics);
	error = config_file_read(path, settings, sections, &diagnostics);
	if (error == -ENOENT && !must_exist)
		error = 0;
	code = config_file_report(path, error, &diagnostics);
	if (!code)
		complete(policy, sections, path);
	else if (settings)
		settings_set_default(settings);
	if (is_given)
		*is_given = sections->given;
	diagnostics_free(&diagnostics);
	policy_sections_free(sections);
	free(sections);
	return code;
}

enum exit_code policy_file_read(const char *path, bool must_exist, struct policy *policy,
                                bool *is_given)
{
	return policy_file_read_all(path, must_exist, NULL, policy, is_given);
}

static void summarize(struct policy_summary *summary, const struct policy_sections *sections,
                      const struct policy *policy)
{
	const struct xrl_policy *compiled = policy->compiled;

	*summary = (struct policy_summary){.is_given = sections->given};
	if (!sections->given || compiled->default_class >= XRL_MAX_CLASSES)
		return;
	summary->class_count = policy_count_classes(compiled);
	summary->cidr_count = policy->cidr_count;
	strcpy(summary->default_class, compiled->classes[compiled->default_class].name);
}

int policy_file_check(const char *path,
                      void (*report)(const struct diagnostic *diagnostic, void *context),
                      void *context, struct policy_summary *summary)
{
	struct policy_sections *sections = xcalloc(1, sizeof(*sections));
	struct settings *settings = xcalloc(1, sizeof(*settings));
	struct diagnostics diagnostics = {};
	struct policy policy;
	int error;

	settings_set_default(settings);
	policy_sections_begin(sections, &policy, &diagnostics);
	error = config_file_read(path, settings, sections, &diagnostics);
	for (size_t i = 0; !error && i < diagnostics.count; i++)
		report(&diagnostics.list[i].diagnostic, context);
	if (!error && summary)
		summarize(summary, sections, &policy);
	if (!error)
		error = diagnostics.mistakes;
	diagnostics_free(&diagnostics);
	policy_sections_free(sections);
	policy_free(&policy);
	free(sections);
	free(settings);
	return error;
}
