// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <getopt.h>
#include <stdio.h>

#include "user/cli/command.h"
#include "user/control/detach.h"

static void print_json(const struct detach_result *result)
{
	json_t *detached = json_array();

	for (int i = 0; i < result->interface_count; i++)
		json_array_append_new(detached, json_string(result->interfaces[i]));
	result_print(json_pack("{s:o, s:I}", "detached", detached, "kept_permits",
	                       (json_int_t)result->kept_permits));
}

static void print_text(const struct detach_result *result)
{
	for (int i = 0; i < result->interface_count; i++)
		printf("%-10s %s\n", i ? "" : "detached", result->interfaces[i]);
	if (result->kept_permits)
		printf("kept       %u permit%s, for the next attach\n", result->kept_permits,
		       result->kept_permits == 1 ? "" : "s");
}

static enum exit_code run_detach(const struct globals *globals, int argc, char **argv)
{
	struct detach_request request = {.pin_dir = globals->pin_dir,
	                                 .state_dir = globals->state_dir};
	struct detach_result result;
	enum exit_code error;
	bool all = false;
	int letter;

	optind = 1;
	while ((letter = command_next_option(&detach_command, argc, argv)) != -1) {
		if (letter != 'a')
			return EXIT_USAGE;
		all = true;
	}
	if (all == (optind < argc))
		return command_usage(&detach_command, "name the interfaces, or say --all");
	request.interfaces = argv + optind;
	request.interface_count = argc - optind;
	error = detach(&request, &result);
	if (error)
		return error;
	if (globals->json)
		print_json(&result);
	else
		print_text(&result);
	detach_release(&result);
	return EXIT_DONE;
}

static const struct command_option options[] = {
	{"all", NULL, "every interface, and whatever an interrupted command left", 'a'},
	{},
};

const struct command detach_command = {
	.name = "detach",
	.usage = "detach IF... | --all",
	.summary = "stop limiting on these interfaces; active permits are kept",
	.options = options,
	.run = run_detach,
};
