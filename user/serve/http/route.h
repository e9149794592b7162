/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>

/* The endpoint of a request, and the methods that it allows. */

enum endpoint {
	ENDPOINT_NONE,
	ENDPOINT_PERMIT,
	ENDPOINT_RATE_LIMIT,
	ENDPOINT_HEALTH,
};

struct route {
	enum endpoint endpoint;
	const char *query; /* raw, without the '?'; empty: none */
};

/* `target`: as in the request line. */
struct route route_find(const char *target);

/* The operation to request from the worker; NULL: the endpoint has no such method. */
const char *route_operation(enum endpoint endpoint, const char *method);

/* For the header Allow. */
const char *route_methods(enum endpoint endpoint);
