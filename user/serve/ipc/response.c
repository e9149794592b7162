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

static const char *code_of(const struct answer *answer)
{
	if (answer->code)
		return answer->code;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].status == answer->status)
			return codes[i].code;
	return "failed";
}

void answer_error(struct answer *answer, unsigned int status, const char *format, ...)
{
	va_list args;

	answer->status = status;
	va_start(args, format);
	vsnprintf(answer->message, sizeof(answer->message), format, args);
	va_end(args);
}

void answer_unavailable(struct answer *answer)
{
	answer_error(answer, HTTP_UNAVAILABLE,
	             "the request can't be dealt with at the moment; try again in a few seconds");
	answer->retry_after_seconds = UNAVAILABLE_RETRY_SECONDS;
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

void answer_success(struct answer *answer, json_t *json)
{
	answer->body = line_of(json);
	if (!answer->body) {
		answer_unavailable(answer);
		return;
	}
	answer->status = HTTP_OK;
	answer->body_length = strlen(answer->body);
}

char *answer_error_text(const struct answer *answer)
{
	json_t *retry_after = answer->retry_after_seconds
	                              ? json_integer(answer->retry_after_seconds)
	                              : json_null();

	return line_of(json_pack("{s:{s:s, s:s, s:o}}", "error", "code", code_of(answer), "message",
	                         answer->message, "retry_after_seconds", retry_after));
}

void answer_release(struct answer *answer)
{
	free(answer->body);
	answer->body = NULL;
}

json_t *answer_to_json(const struct answer *answer, json_int_t id)
{
	return json_pack("{s:I, s:i, s:s, s:b, s:I, s:b, s:I, s:I, s:I}", "id", id, "status",
	                 (int)answer->status, "message", answer->message, "wrong_tokens",
	                 answer->code != NULL, "retry_after_seconds",
	                 (json_int_t)answer->retry_after_seconds, "quota_known",
	                 (int)answer->quota.known, "limit", (json_int_t)answer->quota.limit,
	                 "remaining", (json_int_t)answer->quota.remaining, "reset",
	                 (json_int_t)answer->quota.reset_unix_seconds);
}

bool answer_from_json(struct answer *answer, const json_t *json, const char *body, size_t length)
{
	json_int_t retry_after, limit, remaining, reset;
	int status, wrong_tokens, quota_known;
	const char *message;

	*answer = (struct answer){};
	if (json_unpack((json_t *)json, "{s:i, s:s, s:b, s:I, s:b, s:I, s:I, s:I}", "status",
	                &status, "message", &message, "wrong_tokens", &wrong_tokens,
	                "retry_after_seconds", &retry_after, "quota_known", &quota_known, "limit",
	                &limit, "remaining", &remaining, "reset", &reset))
		return false;
	*answer = (struct answer){
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
	snprintf(answer->message, sizeof(answer->message), "%s", message);
	if (length && !answer->body) {
		answer->body_length = 0;
		return false;
	}
	if (length)
		memcpy(answer->body, body, length);
	return true;
}
