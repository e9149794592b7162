// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cli/command.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

#include "user/config/config_file.h"
#include "user/datapath/bpffs.h"

void command_print_help(const struct command *command)
{
	printf("usage: xdp-ratelimit %s\n%s\n", command->usage, command->summary);
	for (const struct command_option *option = command->options; option && option->name;
	     option++)
		printf("  --%s%s%s\n      %s\n", option->name, option->argument ? " " : "",
		       option->argument ? option->argument : "", option->meaning);
}

enum exit_code command_usage(const struct command *command, const char *format, ...)
{
	char hint[400], message[400];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	snprintf(hint, sizeof(hint), "usage: xdp-ratelimit %s", command->usage);
	return fail(EXIT_USAGE, hint, "%s", message);
}

int command_next_option(const struct command *command, int argc, char **argv)
{
	struct option known[COMMAND_MAX_OPTIONS + 1] = {};
	int letter;

	for (int i = 0; i < COMMAND_MAX_OPTIONS && command->options && command->options[i].name;
	     i++)
		known[i] = (struct option){
			.name = command->options[i].name,
			.has_arg = command->options[i].argument ? required_argument : no_argument,
			.val = command->options[i].letter,
		};
	letter = getopt_long(argc, argv, ":", known, NULL);
	if (letter != '?' && letter != ':')
		return letter;
	command_usage(command, letter == ':' ? "'%s' needs a value" : "unknown option '%s'",
	              argv[optind - 1]);
	return 0;
}

enum exit_code command_begin_permits(const struct globals *globals, struct settings *settings,
                                     struct permit_context *context)
{
	enum exit_code error =
		config_file_read_settings(settings, globals->config_path, globals->config_named);

	*context = (struct permit_context){
		.pin_dir = globals->pin_dir,
		.state_dir = globals->state_dir,
		.rules = &settings->permits,
	};
	if (!error)
		error = bpffs_check_system(false);
	if (!error)
		error = bpffs_prepare_pin_dir(globals->pin_dir, false);
	return error;
}
