/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/config/settings.h"
#include "user/config/diagnostics.h"
#include "user/config/policy_sections.h"

/* The whole configuration file; each command uses a part of it. */

/* Reads [permits] and [serve] on top of *settings, and the sections of the policy into *sections.
 * Either may be NULL: then nothing that stands there is a mistake. 0, or -errno when the file
 * can't be read. The diagnostics are sorted. */
int config_file_read(const char *path, struct settings *settings, struct policy_sections *sections,
                     struct diagnostics *diagnostics);

/* Reports what it came to: an error of reading, or the first mistake, with EXIT_FAILED. */
enum exit_code config_file_report(const char *path, int error,
                                  const struct diagnostics *diagnostics);

/* Reads [permits] and [serve] of the file on top of the defaults, whatever is wrong with the
 * sections of the policy (policy_file.h). A file that isn't there is an error (EXIT_FAILED) only
 * with `must_exist`. Reports the first mistake as FILE:LINE with exit code EXIT_FAILED;
 * *settings is then the default. A key may be given once. */
enum exit_code config_file_read_settings(struct settings *settings, const char *path,
                                         bool must_exist);
