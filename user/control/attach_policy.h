/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/cli/attach_options.h"
#include "user/cli/command.h"
#include "user/config/settings.h"
#include "user/datapath/maps.h"
#include "user/policy/policy.h"

/* Which policy `attach` puts in force. */
struct attach_policy {
	struct policy policy; /* to be freed */
	bool is_of_file;      /* of the configuration as it stands there now */
};

/* Reads the configuration with its policy, if it has one, and checks that it goes with the
 * options. */
enum exit_code attach_policy_read(struct attach_policy *chosen, struct settings *config,
                                  const struct globals *globals,
                                  const struct attach_options *options);

/* What was asked for; for the rest that of the configuration, or else what is in force; else the
 * default. `maps`, NULL: nothing is in force. */
enum exit_code attach_policy_compose(struct attach_policy *chosen, struct maps *maps,
                                     const struct attach_options *options);
