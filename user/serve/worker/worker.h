/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/serve/ipc/response.h"
#include "user/config/settings.h"
#include "user/serve/log.h"
#include "user/serve/worker/auth_throttle.h"

/* Answers one question after the other by the permit store and the maps. What the client isn't
 * told is logged here. */

struct worker {
	const char *pin_dir, *state_dir;
	struct auth_throttle *throttle; /* shared with the next keeper, and with nobody else */
	struct permit_rules rules;      /* as of the last question */
	char parse_error[1400];         /* of the last maintenance; empty: it went well */
	struct log_limit failures;
};

/* How long a call may wait for a lock, of which it may meet three: less than a client waits. */
#define WORKER_WAIT_MS 2000

/* A question: {"id","deadline_ns","op","token","caller"} and what the operation needs: "ips"
 * (the text of an address list) and "comment". The supervisor adds the "rules" in force. The
 * operations: */
#define OP_PING       "ping"  /* whether somebody is there: needs nothing else */
#define OP_TOKEN      "token" /* nothing but who it is */
#define OP_QUOTA      "quota" /* and what is left of its quota */
#define OP_PERMIT     "permit"
#define OP_REVOKE     "revoke"
#define OP_LIST       "list"
#define OP_RATE_LIMIT "rate_limit"

#define OP_MAINTAIN "maintain" /* of the supervisor */

/* And from the supervisor to a front: */
#define OP_DRAIN "drain" /* take no new connections, finish within "seconds", end */

/* The rules as part of a question. */
json_t *worker_rules_json(const struct permit_rules *rules);

/* Whether a front may ask that. */
bool worker_has_operation(const char *op);

void worker_respond(struct worker *worker, const json_t *request, struct ipc_response *response);

/* Mends and puts away, and logs when that begins to fail or succeeds again. */
void worker_maintain(struct worker *worker, const json_t *request);
