/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include <linux/types.h>

/* What becomes of a request, as keeper and front pass it on, before it is HTTP. */

#define HTTP_OK                 200
#define HTTP_BAD_REQUEST        400
#define HTTP_UNAUTHORIZED       401
#define HTTP_FORBIDDEN          403
#define HTTP_NOT_FOUND          404
#define HTTP_METHOD_NOT_ALLOWED 405
#define HTTP_TOO_LARGE          413
#define HTTP_UNSUPPORTED_TYPE   415
#define HTTP_TOO_MANY           429
#define HTTP_UNAVAILABLE        503

#define UNAVAILABLE_RETRY_SECONDS 5

struct ipc_quota {
	bool known;
	__u32 limit, remaining;
	long long reset_unix_seconds;
};

struct ipc_response {
	unsigned int status;           /* 0: there is none yet */
	char message[1000];            /* of an error */
	const char *code;              /* of an error, where the status has more than one */
	long long retry_after_seconds; /* 0: not said */
	struct ipc_quota quota;
	char *body; /* JSON, of a success */
	size_t body_length;
};

#define CODE_TOO_MANY_WRONG_TOKENS "too_many_wrong_tokens"

/* Leaves the quota as it is. */
void ipc_response_error(struct ipc_response *response, unsigned int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The generic one of what isn't the client's fault: the details are for the log. */
void ipc_response_unavailable(struct ipc_response *response);

/* Takes `json` over. */
void ipc_response_success(struct ipc_response *response, json_t *json);

/* {"error":{"code","message","retry_after_seconds"}} as text, to be freed. NULL: no memory. */
char *ipc_response_error_text(const struct ipc_response *response);

void ipc_response_release(struct ipc_response *response);

/* To and from the head of a message; the body travels behind it. */
json_t *ipc_response_to_json(const struct ipc_response *response, json_int_t id);
bool ipc_response_from_json(struct ipc_response *response, const json_t *json, const char *body,
                            size_t length);
