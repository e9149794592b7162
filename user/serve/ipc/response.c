// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/ipc/response.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	unsigned int status;
	const char *code;
} codes[] = {
	{HTTP_BAD_REQUEST, "bad_request"},
	{HTTP_UNAUTHORIZED, "unauthorized"},
	{HTTP_FORBIDDEN, "forbidden"},
	{HTTP_NOT_FOUND, "not_found"},
	{HTTP_METHOD_NOT_ALLOWED, "method_not_allowed"},
	{HTTP_TOO_LARGE, "content_too_large"},
	{HTTP_UNSUPPORTED_TYPE, "unsupported_media_type"},
	{HTTP_TOO_MANY, "quota_exceeded"},
	{HTTP_UNAVAILABLE, "unavailable"},
};

static const char *code_of(const struct ipc_response *response)
{
	if (response->code)
		return response->code;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].status == response->status)
			return codes[i].code;
	return "failed";
}

void ipc_response_error(struct ipc_response *response, unsigned int status, const char *format, ...)
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
		response, HTTP_UNAVAILABLE,
		"the request can't be dealt with at the moment; try again in a few seconds");
	response->retry_after_seconds = UNAVAILABLE_RETRY_SECONDS;
}

/* One line. Takes `json` over. NULL: no memory. */
static char *line_of(json_t *json)
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
	response->body = line_of(json);
	if (!response->body) {
		ipc_response_unavailable(response);
		return;
	}
	response->status = HTTP_OK;
	response->body_length = strlen(response->body);
}

char *ipc_response_error_text(const struct ipc_response *response)
{
	json_t *retry_after = response->retry_after_seconds
	                              ? json_integer(response->retry_after_seconds)
	                              : json_null();

	return line_of(json_pack("{s:{s:s, s:s, s:o}}", "error", "code", code_of(response),
	                         "message", response->message, "retry_after_seconds", retry_after));
}

void ipc_response_release(struct ipc_response *response)
{
	free(response->body);
	response->body = NULL;
}

json_t *ipc_response_to_json(const struct ipc_response *response, json_int_t id)
{
	return json_pack("{s:I, s:i, s:s, s:b, s:I, s:b, s:I, s:I, s:I}", "id", id, "status",
	                 (int)response->status, "message", response->message, "wrong_tokens",
	                 response->code != NULL, "retry_after_seconds",
	                 (json_int_t)response->retry_after_seconds, "quota_known",
	                 (int)response->quota.known, "limit", (json_int_t)response->quota.limit,
	                 "remaining", (json_int_t)response->quota.remaining, "reset",
	                 (json_int_t)response->quota.reset_unix_seconds);
}

bool ipc_response_from_json(struct ipc_response *response, const json_t *json, const char *body,
                            size_t length)
{
	json_int_t retry_after, limit, remaining, reset;
	int status, wrong_tokens, quota_known;
	const char *message;

	*response = (struct ipc_response){};
	if (json_unpack((json_t *)json, "{s:i, s:s, s:b, s:I, s:b, s:I, s:I, s:I}", "status",
	                &status, "message", &message, "wrong_tokens", &wrong_tokens,
	                "retry_after_seconds", &retry_after, "quota_known", &quota_known, "limit",
	                &limit, "remaining", &remaining, "reset", &reset))
		return false;
	*response = (struct ipc_response){
		.status = status,
		.code = wrong_tokens ? CODE_TOO_MANY_WRONG_TOKENS : NULL,
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
