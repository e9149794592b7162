// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "user/cli/attach_options.h"
#include "user/cli/command.h"
#include "user/control/attach.h"
#include "user/datapath/link_info.h"
#include "user/output/policy.h"
#include "user/output/policy_json.h"
#include "user/util/paths.h"

static void print_json(struct attach_result *result)
{
	json_t *attached = json_array();

	for (int i = 0; i < result->link_count; i++) {
		const struct attached_link *link = &result->links[i];

		json_array_append_new(attached,
		                      json_pack("{s:s, s:s, s:b}", "interface", link->interface,
		                                "mode", attach_mode_name(link->mode), "replaced",
		                                link->replaced));
	}
	result_print(json_pack("{s:o, s:o, s:b, s:b, s:I}", "attached", attached, "policy",
	                       policy_json(&result->maps), "action_overridden",
	                       result->action_overridden, "layout_changed",
	                       result->maps.incompatible, "permits", (json_int_t)result->permits));
}

static void print_notes(const struct attach_result *result)
{
	if (result->action_overridden)
		printf("note       the action is that of the command line until the next reload\n");
	if (result->buckets_restarted)
		printf("note       %s: all buckets are empty again; active permits: %u\n",
		       result->maps.resized ? "the number of buckets changed"
		                            : "the layout of the maps changed",
		       result->permits);
}

static void print_undo(const struct attach_request *request)
{
	bool own_dir = strcmp(request->pin_dir, DEFAULT_PIN_DIR);

	printf("undo       xdp-ratelimit%s%s detach", own_dir ? " --pin-dir " : "",
	       own_dir ? request->pin_dir : "");
	for (int i = 0; i < request->interface_count; i++)
		printf(" %s", request->interfaces[i]);
	printf("\n");
}

static void print_text(const struct attach_request *request, struct attach_result *result)
{
	for (int i = 0; i < result->link_count; i++) {
		const struct attached_link *link = &result->links[i];

		printf("%-10s %s, %s mode%s\n", i ? "" : "attached", link->interface,
		       attach_mode_name(link->mode),
		       link->replaced ? ", program replaced in place; no packet went unfiltered"
		                      : "");
	}
	policy_print(&result->maps);
	print_notes(result);
	print_undo(request);
}

static enum exit_code run_attach(const struct globals *globals, int argc, char **argv)
{
	struct attach_request request;
	struct attach_result result;
	enum exit_code error = attach_options_read(&request, globals, argc, argv);

	if (!error)
		error = attach(&request, &result);
	if (error)
		return error;
	if (globals->json)
		print_json(&result);
	else
		print_text(&request, &result);
	attach_release(&result);
	return EXIT_DONE;
}

const struct command attach_command = {
	.name = "attach",
	.usage = "attach IF... [--config FILE] [--limit LIMIT]... [--action ACTION] [--monitor] "
		 "[--mode auto|native|generic] [--sources N]",
	.summary = "limit what arrives on these interfaces, or change how; it stays until detach",
	.options = attach_options,
	.run = run_attach,
};
