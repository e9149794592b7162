// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/config/settings.h"
#include "user/datapath/libbpf_log.h"
#include "user/util/paths.h"

static const struct command *const commands[] = {
	&attach_command,  &detach_command,  &reload_command, &check_command,
	&status_command,  &stats_command,   &show_command,   &permit_command,
	&account_command, &metrics_command, &serve_command,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(void)
{
	printf("xdp-ratelimit limits every IPv4 source in the network driver.\n\n"
	       "usage: xdp-ratelimit [--json] [--pin-dir DIR] [--state-dir DIR] [--config FILE] "
	       "[--verbose]\n                     COMMAND\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %s\n      %s\n", commands[i]->usage, commands[i]->summary);
	printf("\nSee xdp-ratelimit(8).\n");
}

/* Reads `--NAME VALUE` or `--NAME=VALUE` at argv[i]. Returns the number of arguments taken, 0 for
 * anything else, or -1 if the value is missing. */
static int take_value(int argc, char **argv, int i, const char *name, const char **value)
{
	size_t length = strlen(name);

	if (strncmp(argv[i], name, length))
		return 0;
	if (argv[i][length] == '=') {
		*value = argv[i] + length + 1;
		return **value ? 1 : -1;
	}
	if (argv[i][length])
		return 0;
	if (i + 1 >= argc || !argv[i + 1][0])
		return -1;
	*value = argv[i + 1];
	return 2;
}

/* Reads one global option at argv[i]; returns as take_value(). */
static int take_global(int argc, char **argv, int i, struct globals *globals)
{
	int taken;

	if (!strcmp(argv[i], "--json")) {
		globals->json = true;
		return 1;
	}
	if (!strcmp(argv[i], "--verbose")) {
		globals->verbose = true;
		return 1;
	}
	taken = take_value(argc, argv, i, "--pin-dir", &globals->pin_dir);
	if (!taken)
		taken = take_value(argc, argv, i, "--state-dir", &globals->state_dir);
	if (!taken) {
		taken = take_value(argc, argv, i, "--config", &globals->config_path);
		globals->config_named |= taken;
	}
	return taken;
}

/* Removes the global options from argv, up to `--`. */
static int take_globals(int *argc, char **argv, struct globals *globals)
{
	int kept = 1, i = 1;

	/* before all others, so that mistakes in those are reported in JSON, too */
	for (int j = 1; j < *argc && strcmp(argv[j], "--"); j++)
		if (!strcmp(argv[j], "--json"))
			result_use_json(true);
	while (i < *argc) {
		int taken = strcmp(argv[i], "--") ? take_global(*argc, argv, i, globals) : 0;

		if (taken < 0)
			return fail(EXIT_USAGE, NULL, "'%s' needs a %s", argv[i],
			            strncmp(argv[i], "--config", 8) ? "directory" : "file");
		if (!strcmp(argv[i], "--"))
			while (i < *argc)
				argv[kept++] = argv[i++];
		else if (!taken)
			argv[kept++] = argv[i++];
		i += taken;
	}
	argv[kept] = NULL;
	*argc = kept;
	return EXIT_DONE;
}

static const char *environment(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

static bool asks_for(int argc, char **argv, const char *option)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], option))
			return true;
	return false;
}

static enum exit_code run_command(const struct globals *globals, int argc, char **argv)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[1], commands[i]->name))
			continue;
		if (asks_for(argc, argv, "--help")) {
			command_print_help(commands[i]);
			return EXIT_DONE;
		}
		return commands[i]->run(globals, argc - 1, argv + 1);
	}
	return fail(EXIT_USAGE, "xdp-ratelimit --help lists the commands", "unknown command '%s'",
	            argv[1]);
}

static enum exit_code run(const struct globals *globals, int argc, char **argv)
{
	if (argc < 2)
		return fail(EXIT_USAGE, "xdp-ratelimit --help lists the commands",
		            "no command given");
	if (!strcmp(argv[1], "--version") && globals->json)
		result_print(json_pack("{s:s}", "version", XRL_VERSION));
	else if (!strcmp(argv[1], "--version"))
		printf("xdp-ratelimit %s\n", XRL_VERSION);
	else if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		print_help();
	else
		return run_command(globals, argc, argv);
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct globals globals = {
		.pin_dir = environment("XDP_RATELIMIT_PIN_DIR", DEFAULT_PIN_DIR),
		.state_dir = environment("XDP_RATELIMIT_STATE_DIR", DEFAULT_STATE_DIR),
		.config_path = environment("XDP_RATELIMIT_CONFIG", SETTINGS_DEFAULT_PATH),
		.config_named = *environment("XDP_RATELIMIT_CONFIG", ""),
	};
	int error = take_globals(&argc, argv, &globals);

	if (error)
		return error;
	libbpf_log_enable(globals.verbose);
	error = run(&globals, argc, argv);
	if (!error && result_json_failed())
		error = EXIT_FAILED;
	if ((fflush(stdout) || ferror(stdout)) && !error)
		error = fail(EXIT_FAILED, NULL, "cannot write the output: %m");
	return error;
}
