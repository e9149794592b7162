// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/policy/endpoint.h"

#include <stdio.h>
#include <string.h>
#include <netinet/in.h>

#include "user/util/duration.h"
#include "user/util/suggest.h"

#define EXPECTED "expected tcp/PORT, udp/PORT or a range such as tcp/8000-8010"

static const char *const protocol_names[] = {"tcp", "udp"};

#define PROTOCOLS (sizeof(protocol_names) / sizeof(protocol_names[0]))

static int take_protocol(const char **at, __u8 *protocol)
{
	size_t length = strcspn(*at, "/");

	for (size_t i = 0; i < PROTOCOLS; i++)
		if (length == strlen(protocol_names[i]) &&
		    !strncmp(*at, protocol_names[i], length) && (*at)[length]) {
			*at += length + 1;
			*protocol = i ? IPPROTO_UDP : IPPROTO_TCP;
			return 0;
		}
	return -1;
}

/* An out-of-range port becomes 0, which is not a port. */
static int take_port(const char **at, __u16 *port)
{
	__u64 number;
	int error = number_take(at, &number);

	*port = error || number > 65535 ? 0 : number;
	return error;
}

int endpoint_parse(const char *key, const char *text, struct endpoint *endpoint,
                   const struct parse_error *parse_error)
{
	const char *at = text, *suggestion;
	char protocol[8];

	if (take_protocol(&at, &endpoint->protocol)) {
		snprintf(protocol, sizeof(protocol), "%.*s", (int)strcspn(text, "/"), text);
		suggestion = suggest(protocol, protocol_names, PROTOCOLS);
		if (suggestion && text[strlen(protocol)] == '/')
			return parse_fail_value(parse_error, key, text, "did you mean '%s/'?",
			                        suggestion);
		return parse_fail_value(parse_error, key, text, EXPECTED);
	}
	if (take_port(&at, &endpoint->first_port))
		return parse_fail_value(parse_error, key, text, EXPECTED);
	endpoint->last_port = endpoint->first_port;
	if (*at == '-') {
		at++;
		if (take_port(&at, &endpoint->last_port))
			return parse_fail_value(parse_error, key, text, EXPECTED);
	}
	if (*at)
		return parse_fail_value(parse_error, key, text, EXPECTED);
	if (!endpoint->first_port || !endpoint->last_port)
		return parse_fail_value(parse_error, key, text, "expected ports from 1 to 65535");
	if (endpoint->first_port > endpoint->last_port)
		return parse_fail_value(parse_error, key, text,
		                        "the first port of a range must be the lower one");
	return 0;
}

void endpoint_format(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_SIZE])
{
	const char *protocol = protocol_names[endpoint->protocol == IPPROTO_UDP];

	if (endpoint->first_port == endpoint->last_port)
		snprintf(text, ENDPOINT_TEXT_SIZE, "%s/%u", protocol, endpoint->first_port);
	else
		snprintf(text, ENDPOINT_TEXT_SIZE, "%s/%u-%u", protocol, endpoint->first_port,
		         endpoint->last_port);
}
