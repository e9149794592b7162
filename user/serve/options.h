/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>

#include "user/config/settings.h"

/* Settings from the command line. They override those of the file, also after a reload. */

#define OPTIONS_MAX_SETTINGS 32

struct options {
	const char *pin_dir;
	const char *state_dir;
	const char *config_path;
	bool config_named; /* the file must exist */
	bool verbose;
	bool help, version;
	struct {
		const char *key, *value;
	} settings[OPTIONS_MAX_SETTINGS];
	int setting_count;
};

enum exit_code options_read(struct options *options, int argc, char **argv);

/* Reads the file, then applies the command line. */
enum exit_code options_configure(const struct options *options, struct settings *config);
