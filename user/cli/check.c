// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/config/policy_file.h"

/* The findings so far. */
struct result {
	const char *path;
	int mistakes, warnings;
	json_t *list[2]; /* of warnings, of mistakes. NULL: in words */
};

static void print_finding(const struct result *result, const struct diagnostic *diagnostic)
{
	const char *kind = diagnostic->is_error ? "mistake" : "warning";

	if (diagnostic->line)
		printf("%s:%d: %s: %s\n", result->path, diagnostic->line, kind, diagnostic->text);
	else
		printf("%s: %s: %s\n", result->path, kind, diagnostic->text);
}

static void take_finding(const struct diagnostic *diagnostic, void *context)
{
	struct result *result = context;
	json_t *list = result->list[diagnostic->is_error];

	if (diagnostic->is_error)
		result->mistakes++;
	else
		result->warnings++;
	if (!list)
		print_finding(result, diagnostic);
	else
		json_array_append_new(
			list,
			json_pack("{s:o, s:s}", "line",
		                  diagnostic->line ? json_integer(diagnostic->line) : json_null(),
		                  "text", diagnostic->text));
}

static const char *plural(unsigned long long count)
{
	return count == 1 ? "" : "s";
}

static void print_policy(const struct result *result, const struct policy_summary *policy)
{
	printf("%s: correct: ", result->path);
	if (policy->is_given)
		printf("%u class%s, %zu CIDR%s, default class '%s'", policy->class_count,
		       policy->class_count == 1 ? "" : "es", policy->cidr_count,
		       plural(policy->cidr_count), policy->default_class);
	else
		printf("no classes: attach uses its own options or the active limits");
	if (result->warnings)
		printf(", %d warning%s", result->warnings, plural(result->warnings));
	printf("\n");
}

static void print_summary(const struct result *result, const struct policy_summary *policy)
{
	if (result->mistakes)
		printf("%s: %d mistake%s, %d warning%s\n", result->path, result->mistakes,
		       plural(result->mistakes), result->warnings, plural(result->warnings));
	else
		print_policy(result, policy);
}

static enum exit_code run_check(const struct globals *globals, int argc, char **argv)
{
	struct result result = {.path = argc > 1 ? argv[1] : globals->config_path};
	struct policy_summary policy;
	int checked;

	if (argc > 2)
		return command_usage(&check_command, "expected at most one file");
	for (int i = 0; globals->json && i < 2; i++)
		result.list[i] = json_array();
	checked = policy_file_check(result.path, take_finding, &result, &policy);
	if (checked < 0)
		return fail(EXIT_FAILED, NULL, "cannot read %s: %s", result.path,
		            strerror(-checked));
	if (!globals->json)
		print_summary(&result, &policy);
	else
		result_print(json_pack("{s:o, s:b, s:o, s:o}", "file", result_text(result.path),
		                       "correct", !checked, "mistakes", result.list[1], "warnings",
		                       result.list[0]));
	return checked ? EXIT_FAILED : EXIT_DONE;
}

const struct command check_command = {
	.name = "check",
	.usage = "check [FILE]",
	.summary = "report errors in the configuration, and warn of what was probably not intended",
	.run = run_check,
};
