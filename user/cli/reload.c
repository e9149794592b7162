// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>

#include "user/cli/command.h"
#include "user/control/reload.h"
#include "user/datapath/maps.h"
#include "user/output/policy.h"
#include "user/output/policy_json.h"

static void print_result(const struct globals *globals, struct reload_result *result)
{
	if (result->wanted_sources)
		warn("there are %u buckets, and the file asks for %u: another attach changes that, "
		     "and empties all buckets",
		     maps_sources(&result->maps), result->wanted_sources);
	if (globals->json) {
		result_print(json_pack("{s:b, s:o}", "changed", result->changed, "policy",
		                       policy_json(&result->maps)));
		return;
	}
	printf("%s\n", result->changed ? "reloaded" : "unchanged  this policy was active already");
	policy_print(&result->maps);
}

static enum exit_code run_reload(const struct globals *globals, int argc, char **argv)
{
	const struct reload_request request = {.pin_dir = globals->pin_dir,
	                                       .config_path = globals->config_path,
	                                       .config_named = globals->config_named};
	struct reload_result result;
	enum exit_code error;

	if (argc > 1)
		return command_usage(&reload_command, "unexpected argument '%s'", argv[1]);
	error = reload(&request, &result);
	if (!error)
		print_result(globals, &result);
	reload_release(&result);
	return error;
}

const struct command reload_command = {
	.name = "reload",
	.usage = "reload [--config FILE]",
	.summary = "activate the policy of the configuration; a bad file changes nothing",
	.run = run_reload,
};
