// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/http/reply.h"

#include <stdio.h>
#include <string.h>

#define CHALLENGE "Bearer realm=\"permits\""

static struct MHD_Response *make_response(struct ipc_response *response)
{
	char *text = response->body;
	size_t length = response->body_length;

	if (response->status != HTTP_OK) {
		text = ipc_response_error_text(response);
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
	if (response->status == HTTP_UNAUTHORIZED)
		MHD_add_response_header(
			http, "WWW-Authenticate",
			reply->token_was_given ? CHALLENGE ", error=\"invalid_token\"" : CHALLENGE);
	if (response->status == HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(http, "Allow", reply->allow);
	if (reply->last)
		MHD_add_response_header(http, "Connection", "close");
}

enum MHD_Result reply_send(struct MHD_Connection *connection, const struct reply *reply)
{
	struct MHD_Response *http = make_response(reply->response);
	enum MHD_Result result;

	if (!http)
		return MHD_NO;
	add_headers(http, reply);
	result = MHD_queue_response(connection, reply->response->status, http);
	MHD_destroy_response(http);
	return result;
}
