/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/permits/permit.h"
#include "user/util/result.h"

/* The global options. */
struct globals {
	const char *pin_dir;
	const char *state_dir;
	const char *config_path;
	bool config_named; /* by the operator: the file must exist */
	bool json;
	bool verbose;
};

/* One option of a command; for --help, the manual and the parser. */
struct command_option {
	const char *name;     /* without dashes */
	const char *argument; /* as in the usage line. NULL: none */
	const char *meaning;
	int letter; /* what command_next_option() returns for it */
};

#define COMMAND_MAX_OPTIONS 8

/* A command. The usage lines and option lists of --help and of the manual come from here. */
struct command {
	const char *name;
	const char *usage;   /* one line, verbs separated by " | " */
	const char *summary; /* one line, without a capital and without a full stop */
	const struct command_option *options; /* up to one without a name. NULL: none */
	enum exit_code (*run)(const struct globals *globals, int argc, char **argv);
};

extern const struct command attach_command, detach_command, status_command, stats_command,
	show_command, metrics_command;
extern const struct command permit_command, account_command, serve_command, check_command,
	reload_command;

/* Prints what `COMMAND --help` says: the usage, the summary, and a line for each option with its
 * meaning, indented, on the next. */
void command_print_help(const struct command *command);

enum exit_code command_usage(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* getopt_long() with the options of the command: set optind to 1 first. Returns the letter of the
 * next option, -1 after the last one, or 0 after reporting a mistake. */
int command_next_option(const struct command *command, int argc, char **argv);

/* For commands that change permits: reads the configuration, checks the machine, and fills in
 * `context`, which points into `settings`. */
enum exit_code command_begin_permits(const struct globals *globals, struct settings *settings,
                                     struct permit_context *context);
