/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <net/if.h>

#include "user/control/attach_request.h"
#include "user/datapath/maps.h"

/* Attaches the limiter to interfaces, replaces its programs in place, and activates a policy: one
 * transaction, under the lock of the pin directory. */

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
