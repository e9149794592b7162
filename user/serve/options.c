// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/options.h"
#include "user/config/config_file.h"

#include <stdlib.h>
#include <string.h>

#include "user/util/paths.h"
#include "user/util/result.h"

#define USAGE "usage: xdp-ratelimit " SERVE_USAGE

/* Options that mirror a setting of [serve]. */
static const struct {
	const char *option, *key;
	const char *implied; /* the value of an option without argument */
} mirrored[] = {
	{"--listen", "listen", NULL}, {"--certificate", "certificate", NULL},
	{"--key", "key", NULL},       {"--trusted-proxies", "trusted_proxies", NULL},
	{"--user", "user", NULL},     {"--plaintext", "plaintext", "yes"},
};

static const char *environment(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

/* The value of `--NAME VALUE` or `--NAME=VALUE` at argv[*i]; *i is advanced to its last argument.
 * NULL: another option. Empty: the value is missing. */
static const char *take_value(int argc, char **argv, int *i, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(argv[*i], name, length))
		return NULL;
	if (argv[*i][length] == '=')
		return argv[*i] + length + 1;
	if (argv[*i][length])
		return NULL;
	if (*i + 1 >= argc || !argv[*i + 1])
		return "";
	return argv[++*i];
}

static bool take_flag(struct options *options, const char *argument)
{
	if (!strcmp(argument, "--verbose"))
		options->verbose = true;
	else if (!strcmp(argument, "--help") || !strcmp(argument, "-h"))
		options->help = true;
	else if (!strcmp(argument, "--version"))
		options->version = true;
	else if (!strcmp(argument, "--json"))
		result_use_json(true);
	else
		return false;
	return true;
}

static const char *take_path(struct options *options, int argc, char **argv, int *i)
{
	const char *value;

	if ((value = take_value(argc, argv, i, "--pin-dir")))
		options->pin_dir = value;
	else if ((value = take_value(argc, argv, i, "--state-dir")))
		options->state_dir = value;
	else if ((value = take_value(argc, argv, i, "--config")))
		options->config_path = value;
	return value;
}

static const char *take_mirrored(struct options *options, int argc, char **argv, int *i)
{
	for (size_t m = 0; m < sizeof(mirrored) / sizeof(mirrored[0]); m++) {
		const char *value;

		if (mirrored[m].implied)
			value = strcmp(argv[*i], mirrored[m].option) ? NULL : mirrored[m].implied;
		else
			value = take_value(argc, argv, i, mirrored[m].option);
		if (!value)
			continue;
		options->settings[options->setting_count].key = mirrored[m].key;
		options->settings[options->setting_count++].value = value;
		return value;
	}
	return NULL;
}

enum exit_code options_read(struct options *options, int argc, char **argv)
{
	*options = (struct options){
		.pin_dir = environment("XDP_RATELIMIT_PIN_DIR", DEFAULT_PIN_DIR),
		.state_dir = environment("XDP_RATELIMIT_STATE_DIR", DEFAULT_STATE_DIR),
		.config_path = environment("XDP_RATELIMIT_CONFIG", NULL),
	};
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i], *value;

		if (take_flag(options, name))
			continue;
		if (options->setting_count == OPTIONS_MAX_SETTINGS)
			return fail(EXIT_USAGE, USAGE, "too many options");
		value = take_path(options, argc, argv, &i);
		if (!value)
			value = take_mirrored(options, argc, argv, &i);
		if (!value)
			return fail(EXIT_USAGE, USAGE, "unknown argument '%.60s'", name);
		if (!*value)
			return fail(EXIT_USAGE, USAGE, "'%.60s' needs a value", name);
	}
	options->config_named = options->config_path;
	if (!options->config_named)
		options->config_path = SETTINGS_DEFAULT_PATH;
	return EXIT_DONE;
}

enum exit_code options_configure(const struct options *options, struct settings *config)
{
	enum exit_code error =
		config_file_read_settings(config, options->config_path, options->config_named);
	char parse_error[400];

	for (int i = 0; i < options->setting_count && !error; i++)
		if (settings_set(config, "serve", options->settings[i].key,
		                 options->settings[i].value, parse_error, sizeof(parse_error)))
			error = fail(EXIT_USAGE, USAGE, "%s", parse_error);
	return error;
}
