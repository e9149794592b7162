/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include <linux/types.h>

#include "user/serve/ipc/protocol.h"

/* The response to a request, as worker and frontend exchange it. */

#define UNAVAILABLE_RETRY_SECONDS 5

struct ipc_quota {
	bool known;
	__u32 limit, remaining;
	long long reset_unix_seconds;
};

struct ipc_response {
	enum ipc_status status;
	char message[1000];            /* of an error */
	long long retry_after_seconds; /* 0: none */
	struct ipc_quota quota;
	char *body; /* JSON, of a successful request */
	size_t body_length;
};

/* Leaves the quota as it is. */
void ipc_response_error(struct ipc_response *response, enum ipc_status status, const char *format,
                        ...) __attribute__((format(printf, 3, 4)));

/* The generic error for failures that are not the client's; the log has the details. */
void ipc_response_unavailable(struct ipc_response *response);

/* Takes ownership of `json`. */
void ipc_response_success(struct ipc_response *response, json_t *json);

/* The text of `json` and a newline, to be freed. Takes `json`. NULL: out of memory. */
char *ipc_json_line(json_t *json);

void ipc_response_release(struct ipc_response *response);

/* To and from the head of a message; the body follows it. */
json_t *ipc_response_to_json(const struct ipc_response *response, json_int_t id);
bool ipc_response_from_json(struct ipc_response *response, const json_t *json, const char *body,
                            size_t length);
