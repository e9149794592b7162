// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/http/headers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* token characters, RFC 9110, section 5.6.2. libmicrohttpd takes a blank before the colon as part
 * of the name: it would ignore a "Content-Length :" that a proxy obeys. */
#define TOKEN_CHARACTERS            \
	"!#$%&'*+-.^_`|~0123456789" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

#define SCHEME            "Bearer "
#define BEARER_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"

#define FORM_TYPE "application/x-www-form-urlencoded"

static void append_forwarded(struct headers *headers, const char *value)
{
	char *joined = NULL;

	if (asprintf(&joined, "%s%s%s", headers->forwarded ? headers->forwarded : "",
	             headers->forwarded ? "," : "", value) < 0) {
		headers->out_of_memory = true;
		return;
	}
	free(headers->forwarded);
	headers->forwarded = joined;
}

static enum MHD_Result read_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
	struct headers *headers = context;

	(void)kind;
	value = value ? value : "";
	if (!*name || name[strspn(name, TOKEN_CHARACTERS)])
		headers->malformed = true;
	if (!strcasecmp(name, "Authorization")) {
		headers->authorization = value;
		headers->authorizations++;
	} else if (!strcasecmp(name, "Content-Type")) {
		headers->content_type = value;
	} else if (!strcasecmp(name, "Content-Length")) {
		headers->content_length = strtoull(value, NULL, 10);
		headers->content_lengths++;
	} else if (!strcasecmp(name, "Transfer-Encoding")) {
		headers->transfer_encoding = value;
		headers->transfer_encodings++;
	} else if (!strcasecmp(name, "X-Forwarded-For")) {
		append_forwarded(headers, value);
	}
	return MHD_YES;
}

void headers_read(struct headers *headers, struct MHD_Connection *connection)
{
	*headers = (struct headers){};
	MHD_get_connection_values(connection, MHD_HEADER_KIND, read_header, headers);
}

void headers_release(struct headers *headers)
{
	free(headers->forwarded);
	headers->forwarded = NULL;
}

bool headers_are_ambiguous(const struct headers *headers)
{
	return headers->malformed || headers->content_lengths + headers->transfer_encodings > 1 ||
	       (headers->transfer_encoding && strcasecmp(headers->transfer_encoding, "chunked"));
}

bool headers_announce_form(const struct headers *headers)
{
	const char *type = headers->content_type;
	size_t length = strlen(FORM_TYPE);

	if (!type || strncasecmp(type, FORM_TYPE, length))
		return false;
	return !type[length] || strchr("; \t", type[length]);
}

const char *headers_bearer_token(const char *value)
{
	const char *token;
	size_t length;

	if (strncasecmp(value, SCHEME, strlen(SCHEME)))
		return NULL;
	token = value + strlen(SCHEME);
	token += strspn(token, " ");
	length = strspn(token, BEARER_CHARACTERS);
	/* padding comes last */
	if (!length || token[length + strspn(token + length, "=")])
		return NULL;
	return token;
}
