// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/policy/limit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/util/duration.h"
#include "user/policy/endpoint.h"
#include "bpf/limit/sliding_window.h"
#include "bpf/limit/token_bucket.h"

static const char *const unit_names[XRL_UNITS] = {
	[XRL_PACKETS] = "packets",
	[XRL_BYTES] = "bytes",
	[XRL_CONNECTIONS] = "connections",
	[XRL_HTTP_REQUESTS] = "http-requests",
};

static const char *const algorithm_names[XRL_ALGORITHMS] = {
	[XRL_FIXED] = "fixed",
	[XRL_SLIDING] = "sliding",
	[XRL_TOKEN] = "token",
};

const char *limit_unit_name(__u32 unit)
{
	return unit < XRL_UNITS ? unit_names[unit] : "unknown";
}

const char *limit_algorithm_name(__u32 algorithm)
{
	return algorithm < XRL_ALGORITHMS ? algorithm_names[algorithm] : "unknown";
}

/* The number of bits that hold `number`. */
static __u32 bits_of(__u64 number)
{
	return number ? 64 - __builtin_clzll(number) : 0;
}

/* How many bits of the state count units, see fixed_window.h and sliding_window.h. */
static __u32 used_bits_of(const struct xrl_limit *limit)
{
	__u32 bits = bits_of(limit->max_units);

	if (limit->algorithm != XRL_SLIDING) {
		/* no state has one of the three highest values, which scoped.h reserves */
		bits = bits_of(limit->max_units + 3);
		return bits > XRL_WINDOW_USED_BITS ? bits : XRL_WINDOW_USED_BITS;
	}
	if (bits < XRL_SLIDING_COUNT_BITS / 2)
		bits = XRL_SLIDING_COUNT_BITS / 2;
	/* the previous window is rounded up to what its share of the bits can say */
	if (limit->max_units + (1ULL << (2 * bits - XRL_SLIDING_COUNT_BITS)) > 1ULL << bits)
		bits++;
	return bits;
}

/* The finest tick in which four periods fit into the tick counter (fixed_window.h). */
static void set_ticks(struct xrl_limit *limit)
{
	__u64 most = 1ULL << (62 - limit->used_bits), period_ns = limit->period_ns;
	__u32 shift = 0;

	if (most > XRL_MAX_PERIOD_TICKS)
		most = XRL_MAX_PERIOD_TICKS;

	while (((period_ns + (1ULL << shift) - 1) >> shift) > most)
		shift++;
	limit->tick_shift = shift;
	limit->period_ticks = (period_ns + (1ULL << shift) - 1) >> shift;
}

/* The finest unit of time in which the whole bucket, max_units tokens, is less than 2^62, but none
 * finer than token_bucket.h can use. */
static void set_token_cost(struct xrl_limit *limit)
{
	unsigned __int128 cost;
	__u32 shift = XRL_TOKEN_MAX_SHIFT + 1;

	do {
		shift--;
		cost = ((unsigned __int128)limit->period_ns << shift) + limit->rate_units - 1;
		cost /= limit->rate_units;
	} while (shift && cost * limit->max_units >= (unsigned __int128)1 << 62);
	limit->token_shift = shift;
	limit->token_cost = cost;
}

void limit_derive(struct xrl_limit *limit)
{
	limit->used_bits = used_bits_of(limit);
	set_ticks(limit);
	limit->token_shift = 0;
	limit->token_cost = 0;
	if (limit->algorithm == XRL_TOKEN)
		set_token_cost(limit);
}

void limit_set(struct xrl_limit *limit, __u64 max_units, __u64 period_ns, enum xrl_unit unit)
{
	*limit = (struct xrl_limit){
		.max_units = max_units,
		.rate_units = max_units,
		.period_ns = period_ns,
		.unit = unit,
		.algorithm = XRL_FIXED,
		.scope_bits = XRL_SCOPE_SOURCE,
	};
	limit_derive(limit);
}

void limit_set_penalty(struct xrl_limit *penalty, __u64 period_ns)
{
	limit_set(penalty, 1ULL << (XRL_CLASSIFICATION_BITS - 1), period_ns, XRL_PACKETS);
}

/* Appends to a text, cutting off at `size`. */
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size,
                                                         const char *format, ...)
{
	size_t length = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + length, size - length, format, args);
	va_end(args);
}

void limit_format(const struct xrl_limit *limit, char *text, size_t size)
{
	const struct endpoint endpoint = {limit->endpoint_protocol, limit->first_port,
	                                  limit->last_port};
	char period[DURATION_TEXT_SIZE], endpoint_text[ENDPOINT_TEXT_SIZE];

	duration_format(limit->period_ns, period, sizeof(period));
	snprintf(text, size, "%llu/%s %s", limit->rate_units, period, limit_unit_name(limit->unit));
	if (limit->algorithm != XRL_FIXED)
		append(text, size, " %s", limit_algorithm_name(limit->algorithm));
	if (limit->max_units != limit->rate_units)
		append(text, size, " burst %llu", limit->max_units);
	if (limit->scope_bits == XRL_SCOPE_CLASS)
		append(text, size, " scope class");
	else if (limit->scope_bits != XRL_SCOPE_SOURCE)
		append(text, size, " scope /%u", limit->scope_bits);
	if (!limit->endpoint_protocol)
		return;
	endpoint_format(&endpoint, endpoint_text);
	append(text, size, " endpoint %s", endpoint_text);
}

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
