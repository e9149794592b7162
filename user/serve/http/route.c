// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/http/route.h"

#include <string.h>
#include <strings.h>

#include "user/serve/ipc/protocol.h"

#define MAX_PATH 64 /* longer than any of ours */

static const struct {
	const char *path;
	enum endpoint endpoint;
	const char *methods;
} endpoints[] = {
	{"/v3/firewall/permit", ENDPOINT_PERMIT, "GET, HEAD, POST, DELETE"},
	{"/v3/rate-limit", ENDPOINT_RATE_LIMIT, "GET, HEAD"},
	{"/healthz", ENDPOINT_HEALTH, "GET, HEAD"},
};

#define ENDPOINTS (sizeof(endpoints) / sizeof(endpoints[0]))

static const struct {
	enum endpoint endpoint;
	const char *method, *operation;
} operations[] = {
	{ENDPOINT_PERMIT, "POST", OP_PERMIT},        {ENDPOINT_PERMIT, "DELETE", OP_REVOKE},
	{ENDPOINT_PERMIT, "GET", OP_LIST},           {ENDPOINT_PERMIT, "HEAD", OP_LIST},
	{ENDPOINT_RATE_LIMIT, "GET", OP_RATE_LIMIT}, {ENDPOINT_RATE_LIMIT, "HEAD", OP_RATE_LIMIT},
	{ENDPOINT_HEALTH, "GET", OP_PING},           {ENDPOINT_HEALTH, "HEAD", OP_PING},
};

/* A proxy may send the absolute form: http://HOST/PATH. */
static const char *skip_authority(const char *target)
{
	const char *colon = strstr(target, "://");

	if (target[0] == '/' || !colon)
		return target;
	if (strncasecmp(target, "http://", 7) && strncasecmp(target, "https://", 8))
		return target;
	return colon + 3 + strcspn(colon + 3, "/?");
}

static int hexadecimal(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* False: not a path of this API. */
static bool decode(char path[MAX_PATH], const char *text, size_t length)
{
	size_t out = 0;

	for (size_t i = 0; i < length; i++) {
		int high, low;

		if (out + 1 == MAX_PATH)
			return false;
		path[out] = text[i];
		if (text[i] == '%') {
			high = i + 1 < length ? hexadecimal(text[i + 1]) : -1;
			low = i + 2 < length ? hexadecimal(text[i + 2]) : -1;
			if (high < 0 || low < 0 || !(high | low))
				return false;
			path[out] = high << 4 | low;
			i += 2;
		}
		out++;
	}
	path[out] = '\0';
	return true;
}

struct route route_find(const char *target)
{
	const char *begin = skip_authority(target), *end = strchrnul(begin, '?');
	struct route route = {.query = *end ? end + 1 : end};
	char path[MAX_PATH];

	if (!decode(path, begin, end - begin))
		return route;
	for (size_t i = 0; i < ENDPOINTS; i++)
		if (!strcmp(endpoints[i].path, path))
			route.endpoint = endpoints[i].endpoint;
	return route;
}

const char *route_operation(enum endpoint endpoint, const char *method)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (operations[i].endpoint == endpoint && !strcmp(operations[i].method, method))
			return operations[i].operation;
	return NULL;
}

const char *route_methods(enum endpoint endpoint)
{
	for (size_t i = 0; i < ENDPOINTS; i++)
		if (endpoints[i].endpoint == endpoint)
			return endpoints[i].methods;
	return "";
}
