/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <net/if.h>
#include <linux/types.h>

#include "user/datapath/link_info.h"
#include "user/datapath/maps.h"
#include "user/policy/action.h"

/* Attaches the limiter to interfaces, replaces its programs in place, and activates a policy: one
 * transaction, under the lock of the pin directory. */

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

struct attached_link {
	char interface[IF_NAMESIZE];
	enum attach_mode mode;
	bool replaced; /* its program, in place */
};

/* The facts, under the lock until attach_release(). */
struct attach_result {
	struct attached_link *links; /* those named and those that follow to new maps */
	int link_count;
	struct maps maps;       /* with the policy that is active now */
	bool action_overridden; /* the request's action replaces those of the file */
	bool buckets_restarted; /* they are in a new map, since its size or layout changed */
	unsigned int permits;   /* active ones */
	int lock;
};

/* On failure nothing has changed, if the report says so, and `result` is empty. */
enum exit_code attach(const struct attach_request *request, struct attach_result *result);

void attach_release(struct attach_result *result);
