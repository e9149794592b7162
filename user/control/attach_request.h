/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "user/datapath/link_info.h"
#include "user/policy/action.h"

/* The request of attach(). */

#define ATTACH_MAX_INTERFACES 64

struct attach_request {
	const char *pin_dir, *state_dir;
	const char *config_path;
	bool config_named; /* by the operator: the file must exist */
	const char *interfaces[ATTACH_MAX_INTERFACES];
	__u32 ifindexes[ATTACH_MAX_INTERFACES];
	int interface_count;
	/* no limits: those of the configuration, else the active ones, else the default */
	struct xrl_limit limits[XRL_MAX_LIMITS];
	struct xrl_limit scoped[XRL_MAX_SCOPED]; /* with an endpoint or another scope */
	__u32 limit_count, scoped_count;
	bool has_action; /* false: as with the limits */
	struct action action;
	enum attach_mode mode;
	__u32 sources; /* 0: as with the limits */
};

static inline bool attach_request_has_limits(const struct attach_request *request)
{
	return request->limit_count || request->scoped_count;
}
