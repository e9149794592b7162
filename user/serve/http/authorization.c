// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/http/authorization.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define SCHEME           "Bearer "
#define TOKEN_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"

const char *authorization_token(const char *value)
{
	const char *token;
	size_t length;

	if (strncasecmp(value, SCHEME, strlen(SCHEME)))
		return NULL;
	token = value + strlen(SCHEME);
	token += strspn(token, " ");
	length = strspn(token, TOKEN_CHARACTERS);
	/* padding comes last */
	if (!length || token[length + strspn(token + length, "=")])
		return NULL;
	return token;
}
