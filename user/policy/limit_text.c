// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/policy/limit_text.h"

#include <stdio.h>

void limit_format_scope(const struct xrl_limit *limit, char scope[LIMIT_SCOPE_SIZE])
{
	if (limit->scope_bits == XRL_SCOPE_SOURCE)
		snprintf(scope, LIMIT_SCOPE_SIZE, "source");
	else if (limit->scope_bits == XRL_SCOPE_CLASS)
		snprintf(scope, LIMIT_SCOPE_SIZE, "class");
	else
		snprintf(scope, LIMIT_SCOPE_SIZE, "/%u", limit->scope_bits);
}

const char *limit_format_endpoint(const struct xrl_limit *limit, char text[ENDPOINT_TEXT_SIZE])
{
	const struct endpoint endpoint = {limit->endpoint_protocol, limit->first_port,
	                                  limit->last_port};

	if (!limit->endpoint_protocol)
		return NULL;
	endpoint_format(&endpoint, text);
	return text;
}
