/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <microhttpd.h>

/* The headers of a request that the API uses. */
struct headers {
	const char *authorization; /* NULL: none */
	int authorizations;
	const char *content_type;
	unsigned long long content_length;
	int content_lengths;
	const char *transfer_encoding;
	int transfer_encodings;
	char *forwarded; /* all lines of X-Forwarded-For as one list; owned; NULL: none */
	bool malformed;  /* an invalid name, or a NUL in a value */
	bool out_of_memory;
};

void headers_read(struct headers *headers, struct MHD_Connection *connection);
void headers_release(struct headers *headers);

/* Whether two parsers could disagree about the end of the body (RFC 9112, section 6.3). */
bool headers_are_ambiguous(const struct headers *headers);

/* Whether it is the type of a form; parameters such as a charset may follow. */
bool headers_announce_form(const struct headers *headers);

/* The bearer token in the value of an Authorization header (RFC 6750). NULL: there is none. */
const char *headers_bearer_token(const char *value);
