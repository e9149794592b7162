// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/http/reply.h"

#include <stdio.h>
#include <string.h>

#define CHALLENGE "Bearer realm=\"permits\""

static struct MHD_Response *make_response(struct answer *answer)
{
	char *text = answer->body;
	size_t length = answer->body_length;

	if (answer->status != HTTP_OK) {
		text = answer_error_text(answer);
		length = text ? strlen(text) : 0;
	} else {
		answer->body = NULL;
	}
	return MHD_create_response_from_buffer(
		length, text ? text : "", text ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
}

static void add_number(struct MHD_Response *response, const char *name, long long number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", number);
	MHD_add_response_header(response, name, text);
}

static void add_headers(struct MHD_Response *response, const struct reply *reply)
{
	const struct answer *answer = reply->answer;

	MHD_add_response_header(response, "Content-Type", "application/json");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	if (reply->quota) {
		add_number(response, "X-RateLimit-Limit", answer->quota.limit);
		add_number(response, "X-RateLimit-Remaining", answer->quota.remaining);
		add_number(response, "X-RateLimit-Reset", answer->quota.reset_unix_seconds);
	}
	if (answer->retry_after_seconds)
		add_number(response, "Retry-After", answer->retry_after_seconds);
	if (answer->status == HTTP_UNAUTHORIZED)
		MHD_add_response_header(
			response, "WWW-Authenticate",
			reply->token_was_given ? CHALLENGE ", error=\"invalid_token\"" : CHALLENGE);
	if (answer->status == HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", reply->allow);
	if (reply->last)
		MHD_add_response_header(response, "Connection", "close");
}

enum MHD_Result reply_send(struct MHD_Connection *connection, const struct reply *reply)
{
	struct MHD_Response *response = make_response(reply->answer);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	add_headers(response, reply);
	result = MHD_queue_response(connection, reply->answer->status, response);
	MHD_destroy_response(response);
	return result;
}
