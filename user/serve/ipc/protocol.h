/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <jansson.h>

#include "user/config/settings.h"

/* The vocabulary of the messages between frontend, supervisor and worker.
 *
 * Request: {"id","deadline_ns","op","token","client"} and, depending on the operation, "ips" (an
 * address list as text) and "comment". The supervisor adds the current "rules". */

#define OP_PING       "ping"  /* is the service healthy? Needs nothing else */
#define OP_TOKEN      "token" /* only authenticates */
#define OP_QUOTA      "quota" /* authenticates and reads the quota */
#define OP_PERMIT     "permit"
#define OP_REVOKE     "revoke"
#define OP_LIST       "list"
#define OP_RATE_LIMIT "rate_limit"

#define OP_MAINTAIN "maintain" /* from the supervisor to the worker */
#define OP_DRAIN    "drain"    /* from the supervisor to a frontend: end within "seconds" */

enum ipc_status {
	IPC_PENDING,
	IPC_OK,
	IPC_BAD_REQUEST,
	IPC_UNAUTHORIZED,
	IPC_FORBIDDEN,
	IPC_QUOTA_EXCEEDED,
	IPC_AUTH_THROTTLED,
	IPC_UNAVAILABLE,
	/* The following are the frontend's own and never cross a channel. */
	IPC_NOT_FOUND,
	IPC_METHOD_NOT_ALLOWED,
	IPC_TOO_LARGE,
	IPC_UNSUPPORTED_TYPE,
};

/* Whether frontends may request the operation from the worker. */
bool protocol_is_worker_op(const char *op);

json_t *protocol_rules_to_json(const struct permit_rules *rules);
bool protocol_rules_from_json(struct permit_rules *rules, const json_t *json);
