// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/ipc/response.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ipc_response_error(struct ipc_response *response, enum ipc_status status, const char *format,
                        ...)
{
	va_list args;

	response->status = status;
	va_start(args, format);
	vsnprintf(response->message, sizeof(response->message), format, args);
	va_end(args);
}

void ipc_response_unavailable(struct ipc_response *response)
{
	ipc_response_error(
		response, IPC_UNAVAILABLE,
		"the request cannot be processed at the moment; try again in a few seconds");
	response->retry_after_seconds = UNAVAILABLE_RETRY_SECONDS;
}

char *ipc_json_line(json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(10)) : NULL;
	char *line = NULL;

	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	free(text);
	json_decref(json);
	return line;
}

void ipc_response_success(struct ipc_response *response, json_t *json)
{
	response->body = ipc_json_line(json);
	if (!response->body) {
		ipc_response_unavailable(response);
		return;
	}
	response->status = IPC_OK;
	response->body_length = strlen(response->body);
}

void ipc_response_release(struct ipc_response *response)
{
	free(response->body);
	response->body = NULL;
}

json_t *ipc_response_to_json(const struct ipc_response *response, json_int_t id)
{
	return json_pack("{s:I, s:i, s:s, s:I, s:b, s:I, s:I, s:I}", "id", id, "status",
	                 (int)response->status, "message", response->message, "retry_after_seconds",
	                 (json_int_t)response->retry_after_seconds, "quota_known",
	                 (int)response->quota.known, "limit", (json_int_t)response->quota.limit,
	                 "remaining", (json_int_t)response->quota.remaining, "reset",
	                 (json_int_t)response->quota.reset_unix_seconds);
}

bool ipc_response_from_json(struct ipc_response *response, const json_t *json, const char *body,
                            size_t length)
{
	json_int_t retry_after, limit, remaining, reset;
	int status, quota_known;
	const char *message;

	*response = (struct ipc_response){};
	if (json_unpack((json_t *)json, "{s:i, s:s, s:I, s:b, s:I, s:I, s:I}", "status", &status,
	                "message", &message, "retry_after_seconds", &retry_after, "quota_known",
	                &quota_known, "limit", &limit, "remaining", &remaining, "reset", &reset) ||
	    status < IPC_OK || status > IPC_UNAVAILABLE)
		return false;
	*response = (struct ipc_response){
		.status = status,
		.retry_after_seconds = retry_after,
		.quota = {.known = quota_known,
	                  .limit = limit,
	                  .remaining = remaining,
	                  .reset_unix_seconds = reset},
		.body = length ? malloc(length) : NULL,
		.body_length = length,
	};
	snprintf(response->message, sizeof(response->message), "%s", message);
	if (length && !response->body) {
		response->body_length = 0;
		return false;
	}
	if (length)
		memcpy(response->body, body, length);
	return true;
}
