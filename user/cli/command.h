/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/permits/permit.h"
#include "user/util/result.h"

/* What every command is told. */
struct globals {
	const char *pin_dir;
	const char *state_dir;
	const char *config_path;
	bool config_named; /* by the user, so that it must be there */
	bool json;
	bool verbose;
};

/* A command: argv[0] is its name. Global options are gone from argv. */
struct command {
	const char *name;
	const char *usage;
	const char *summary;
	enum exit_code (*run)(const struct globals *globals, int argc, char **argv);
};

extern const struct command attach_command, detach_command, status_command, stats_command,
	show_command, metrics_command;
extern const struct command permit_command, account_command, serve_command, check_command,
	reload_command;

enum exit_code command_usage(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What every command does that only reads: checks the machine, and waits until nobody changes
 * the pin directory. That holds until the process ends. */
enum exit_code command_begin_reading(const struct globals *globals);

/* What every command does that changes permits: reads the configuration, checks the machine, and
 * fills in `context`, which refers to `config` from then on. */
enum exit_code command_begin_permits(const struct globals *globals, struct settings *config,
                                     struct permit_context *context);
