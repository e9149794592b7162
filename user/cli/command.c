// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cli/command.h"
#include "user/config/config_file.h"

#include <stdarg.h>
#include <stdio.h>

#include "user/datapath/bpffs.h"
#include "user/datapath/pin_lock.h"

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

enum exit_code command_begin_reading(const struct globals *globals)
{
	enum exit_code error = bpffs_check_system(false);

	if (!error)
		error = bpffs_prepare_pin_dir(globals->pin_dir, false);
	if (!error)
		pin_lock_shared(globals->pin_dir);
	return error;
}

enum exit_code command_begin_permits(const struct globals *globals, struct settings *config,
                                     struct permit_context *context)
{
	enum exit_code error =
		config_file_read_settings(config, globals->config_path, globals->config_named);

	*context = (struct permit_context){
		.pin_dir = globals->pin_dir,
		.state_dir = globals->state_dir,
		.rules = &config->permits,
	};
	if (!error)
		error = bpffs_check_system(false);
	if (!error)
		error = bpffs_prepare_pin_dir(globals->pin_dir, false);
	return error;
}
