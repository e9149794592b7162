/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/config/diagnostics.h"
#include "user/config/settings.h"
#include "user/util/result.h"
#include "user/policy/policy.h"

/* The sections of the configuration file that make a policy: [limiter], [class NAME],
 * [icmp-errors] and [flood]. */

/* Reads the policy of the file; *policy is to be freed, whatever the result. A file without any
 * of these sections, or that isn't there and need not be (`must_exist`), is the default policy,
 * with `file` empty; `is_given`, unless NULL, says so. Reports the first mistake as FILE:LINE with
 * EXIT_FAILED. */
enum exit_code policy_file_read(const char *path, bool must_exist, struct policy *policy,
                                bool *is_given);

/* The same, and in the same reading what the file says of permits and the API: what is read once
 * may be a pipe, and is of one version of the file. Whatever is wrong in it is reported. */
enum exit_code policy_file_read_all(const char *path, bool must_exist, struct settings *settings,
                                    struct policy *policy, bool *is_given);

/* What a file without mistakes comes to. */
struct policy_summary {
	bool is_given; /* else it is the default policy, and the rest is 0 */
	__u32 class_count;
	size_t cidr_count;
	char default_class[XRL_CLASS_NAME_SIZE];
};

/* Checks the whole file, permits and serve included, and calls `report` for each diagnostic in the
 * order of the lines. Returns how many mistakes, or -errno when it can't be read. `summary` may be
 * NULL. */
int policy_file_check(const char *path,
                      void (*report)(const struct diagnostic *diagnostic, void *context),
                      void *context, struct policy_summary *summary);
