// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>

#include "user/cli/command.h"
#include "user/control/reload.h"
#include "user/datapath/bpffs.h"
#include "user/datapath/maps.h"
#include "user/output/policy.h"
#include "user/output/policy_json.h"

static void print_result(const struct globals *globals, struct reload *reload)
{
	if (reload->sources)
		warn("there are %u buckets, and the file wants %u: attach again changes that, and "
		     "then all buckets start anew",
		     maps_sources(&reload->maps), reload->sources);
	if (globals->json) {
		result_print(json_pack("{s:b, s:o}", "changed", reload->changed, "policy",
		                       policy_json(&reload->maps)));
		return;
	}
	printf("%s\n", reload->changed ? "reloaded" : "unchanged  it was in force already");
	policy_print(&reload->maps);
}

static enum exit_code run_reload(const struct globals *globals, int argc, char **argv)
{
	struct reload reload;
	enum exit_code error;

	if (argc > 1)
		return command_usage(&reload_command, "unexpected argument '%s'", argv[1]);
	error = bpffs_check_system(false);
	if (!error)
		error = bpffs_prepare_pin_dir(globals->pin_dir, false);
	if (error)
		return error;
	error = reload_policy(&reload, globals->pin_dir, globals->config_path,
	                      globals->config_named);
	if (!error)
		print_result(globals, &reload);
	reload_close(&reload);
	return error;
}

const struct command reload_command = {
	.name = "reload",
	.usage = "reload [--config FILE]",
	.summary = "put the policy of the configuration in force; a bad file changes nothing",
	.run = run_reload,
};
