/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>

#include "user/config/settings.h"

/* What the command line says. Its settings win over those of the file, at every reload. */

#define OPTIONS_MAX_SETTINGS 32

struct options {
	const char *pin_dir;
	const char *state_dir;
	const char *config_path;
	bool config_named; /* then the file must be there */
	bool verbose;
	bool help, version;
	struct {
		const char *key, *value;
	} settings[OPTIONS_MAX_SETTINGS];
	int setting_count;
};

#define SERVE_USAGE                                                            \
	"serve [--listen LIST] [--certificate FILE --key FILE] [--plaintext] " \
	"[--trusted-proxies LIST] [--user NAME]"

enum exit_code options_read(struct options *options, int argc, char **argv);

/* The file, and on top of it what the command line says. */
enum exit_code options_configure(const struct options *options, struct settings *config);
