/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/config/settings.h"
#include "user/control/attach_request.h"
#include "user/datapath/maps.h"
#include "user/policy/policy.h"

/* Chooses the policy that attach() activates. */

struct attach_policy {
	struct policy policy; /* free it with policy_free() */
	bool is_of_file;      /* the configuration defines it */
};

/* Reads the configuration, with its policy if it has one, and checks that it permits the limits
 * of the request. */
enum exit_code attach_policy_read(struct attach_policy *chosen, struct settings *settings,
                                  const struct attach_request *request);

/* Completes the policy: first the request, then the configuration, then the active policy, then
 * the default. `maps` NULL: no policy is active. */
enum exit_code attach_policy_compose(struct attach_policy *chosen, struct maps *maps,
                                     const struct attach_request *request);
