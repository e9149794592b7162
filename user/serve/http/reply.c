// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/http/reply.h"

#include <stdio.h>
#include <string.h>

#define CHALLENGE "Bearer realm=\"permits\""

/* The HTTP status of each IPC status, and its code in the body of an error. */
static const struct {
	unsigned int http_status;
	const char *code;
} statuses[] = {
	[IPC_OK] = {MHD_HTTP_OK, NULL},
	[IPC_BAD_REQUEST] = {MHD_HTTP_BAD_REQUEST, "bad_request"},
	[IPC_UNAUTHORIZED] = {MHD_HTTP_UNAUTHORIZED, "unauthorized"},
	[IPC_FORBIDDEN] = {MHD_HTTP_FORBIDDEN, "forbidden"},
	[IPC_QUOTA_EXCEEDED] = {MHD_HTTP_TOO_MANY_REQUESTS, "quota_exceeded"},
	[IPC_AUTH_THROTTLED] = {MHD_HTTP_TOO_MANY_REQUESTS, "too_many_wrong_tokens"},
	[IPC_UNAVAILABLE] = {MHD_HTTP_SERVICE_UNAVAILABLE, "unavailable"},
	[IPC_NOT_FOUND] = {MHD_HTTP_NOT_FOUND, "not_found"},
	[IPC_METHOD_NOT_ALLOWED] = {MHD_HTTP_METHOD_NOT_ALLOWED, "method_not_allowed"},
	[IPC_TOO_LARGE] = {MHD_HTTP_CONTENT_TOO_LARGE, "content_too_large"},
	[IPC_UNSUPPORTED_TYPE] = {MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"},
};

/* {"error":{"code","message","retry_after_seconds"}}. NULL: out of memory. */
static char *error_body(const struct ipc_response *response)
{
	json_t *retry_after = response->retry_after_seconds
	                              ? json_integer(response->retry_after_seconds)
	                              : json_null();

	return ipc_json_line(json_pack("{s:{s:s, s:s, s:o}}", "error", "code",
	                               statuses[response->status].code, "message",
	                               response->message, "retry_after_seconds", retry_after));
}

static struct MHD_Response *make_http_response(struct ipc_response *response)
{
	char *text = response->body;
	size_t length = response->body_length;

	if (response->status != IPC_OK) {
		text = error_body(response);
		length = text ? strlen(text) : 0;
	} else {
		response->body = NULL;
	}
	return MHD_create_response_from_buffer(
		length, text ? text : "", text ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
}

static void add_number(struct MHD_Response *http, const char *name, long long number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", number);
	MHD_add_response_header(http, name, text);
}

static void add_headers(struct MHD_Response *http, const struct reply *reply)
{
	const struct ipc_response *response = reply->response;

	MHD_add_response_header(http, "Content-Type", "application/json");
	MHD_add_response_header(http, "Cache-Control", "no-store");
	if (reply->quota) {
		add_number(http, "X-RateLimit-Limit", response->quota.limit);
		add_number(http, "X-RateLimit-Remaining", response->quota.remaining);
		add_number(http, "X-RateLimit-Reset", response->quota.reset_unix_seconds);
	}
	if (response->retry_after_seconds)
		add_number(http, "Retry-After", response->retry_after_seconds);
	if (response->status == IPC_UNAUTHORIZED)
		MHD_add_response_header(http, "WWW-Authenticate",
		                        reply->has_token ? CHALLENGE ", error=\"invalid_token\""
		                                         : CHALLENGE);
	if (response->status == IPC_METHOD_NOT_ALLOWED)
		MHD_add_response_header(http, "Allow", reply->allow);
	if (reply->last)
		MHD_add_response_header(http, "Connection", "close");
}

enum MHD_Result reply_send(struct MHD_Connection *connection, const struct reply *reply)
{
	struct MHD_Response *http = make_http_response(reply->response);
	enum MHD_Result result;

	if (!http)
		return MHD_NO;
	add_headers(http, reply);
	result =
		MHD_queue_response(connection, statuses[reply->response->status].http_status, http);
	MHD_destroy_response(http);
	return result;
}
