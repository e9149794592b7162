/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/config/diagnostics.h"
#include "user/config/settings.h"
#include "user/util/result.h"
#include "user/policy/policy.h"

/* The sections of the configuration file that make a policy: [limiter], [class NAME],
 * [icmp-errors] and [flood]. */

/* Reads the policy of the file; free *policy whatever the result. A file without any of these
 * sections, or an absent file unless `must_exist`, yields the default policy with an empty `file`;
 * `is_given`, unless NULL, is then false. Reports the first error as FILE:LINE with EXIT_FAILED. */
enum exit_code policy_file_read(const char *path, bool must_exist, struct policy *policy,
                                bool *is_given);

/* Reads the policy and the settings of permits and the API in one pass, so that the file may be a
 * pipe and both are of one version. An error anywhere in the file is reported. */
enum exit_code policy_file_read_all(const char *path, bool must_exist, struct settings *settings,
                                    struct policy *policy, bool *is_given);

/* A summary of a file without errors. */
struct policy_summary {
	bool is_given; /* else it is the default policy, and the rest is 0 */
	__u32 class_count;
	size_t cidr_count;
	char default_class[XRL_CLASS_NAME_SIZE];
};

/* Checks the whole file, including [permits] and [serve], and calls `report` for each diagnostic in
 * line order. Returns the number of errors, or -errno if the file cannot be read. `summary` may be
 * NULL. */
int policy_file_check(const char *path,
                      void (*report)(const struct diagnostic *diagnostic, void *context),
                      void *context, struct policy_summary *summary);
