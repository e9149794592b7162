/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/config/settings.h"
#include "user/serve/log.h"
#include "user/serve/worker/auth_throttle.h"

/* Handles one request after the other with the permit store and the maps. Details that are not the
 * client's business are logged here. */

struct worker {
	const char *pin_dir, *state_dir;
	struct auth_throttle *throttle; /* shared with the next worker only */
	struct permit_rules rules;      /* of the last request */
	char maintain_error[1400];      /* of the last maintenance; empty: it succeeded */
	struct log_limit failures;
};

/* The timeout for each lock. A request meets at most three, which is less than clients wait. */
#define WORKER_WAIT_MS 2000

/* The worker process: handles the requests on `channel`. Ends the process when the supervisor has
 * gone, but not within a request. `worker` is a struct worker. */
void worker_run(const void *worker, int channel) __attribute__((noreturn));
