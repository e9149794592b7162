/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "user/policy/policy.h"
#include "user/util/result.h"

/* Checks before a change; each reports what it finds. */

/* Reports a program whose maps are not the pinned ones: it would ignore every change. */
enum exit_code link_check_maps(const char *pin_dir);

/* Reports a class that redirects packets from this interface back to it: they would be lost. */
enum exit_code link_check_redirect(const char *interface, __u32 ifindex,
                                   const struct policy *policy);

/* The same for all attached interfaces. They must be in this network namespace, since a redirect
 * names its target by index. */
enum exit_code link_check_redirects(const char *pin_dir, const struct policy *policy);

/* Reports another program on the interface, with its name and id. */
enum exit_code link_check_foreign(const char *interface, __u32 ifindex, __u32 our_program_id);
