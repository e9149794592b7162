/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "user/policy/policy.h"
#include "user/util/result.h"

/* Checks before a change; each reports what it finds. */

/* Reports a program that runs on other maps than those pinned: it obeys nothing that is written
 * there. */
enum exit_code link_check_maps(const char *pin_dir);

/* Reports a class that redirects what exceeds its limits on this interface to the interface
 * itself: it would be lost. */
enum exit_code link_check_redirect(const char *interface, __u32 ifindex,
                                   const struct policy *policy);

/* The same of all that are attached. They must be in this network namespace, as an interface to
 * redirect to is only a number. */
enum exit_code link_check_redirects(const char *pin_dir, const struct policy *policy);

/* Reports a program on the interface that is not ours: its name and id. */
enum exit_code link_check_foreign(const char *interface, __u32 ifindex, __u32 our_program_id);
