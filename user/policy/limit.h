/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>
#include <linux/types.h>

#include "user/policy/endpoint.h"
#include "user/util/duration.h"
#include "include/policy.h"

#define LIMIT_MAX_UNITS     1000000000ULL /* units other than bytes */
#define LIMIT_MAX_BYTES     1000000000000000ULL
#define LIMIT_MIN_PERIOD_NS (100 * MILLISECOND_NS)
#define LIMIT_MAX_PERIOD_NS (31 * DAY_NS)
#define LIMIT_TEXT_SIZE     128

/* Fills in a complete fixed window of `max_units` per `period_ns` for each source. The values must
 * be in the ranges above; since_generation and id stay 0. */
void limit_set(struct xrl_limit *limit, __u64 max_units, __u64 period_ns, enum xrl_unit unit);

/* Fills in a penalty of this length. Where the state of other limits counts units, the state of a
 * penalty holds the rest of struct xrl_classification. */
void limit_set_penalty(struct xrl_limit *penalty, __u64 period_ns);

/* Computes the fields that the program needs besides algorithm, rate_units, max_units and
 * period_ns. A token bucket must refill within LIMIT_MAX_PERIOD_NS. */
void limit_derive(struct xrl_limit *limit);

/* Reads "N/PERIOD UNIT", such as "100/1m connections": PERIOD is a whole number and one of
 * ms, s, m, h, d; UNIT one of packets, bytes, connections, http-requests. These options may follow
 * in any order: fixed, sliding or token; burst B of a token bucket; scope source, class or a prefix
 * such as /24; endpoint tcp/PORT, as endpoint_parse has it. 0, or -EINVAL with one sentence in
 * `parse_error` that quotes the text and says what was expected. */
int limit_parse(const char *text, struct xrl_limit *limit, char *parse_error, size_t size);

/* Reads the limit of ICMP errors in the same way: "N/PERIOD" or "N/PERIOD packets", in a fixed
 * window. */
int limit_parse_icmp(const char *text, struct xrl_limit *limit, char *parse_error, size_t size);

/* Writes the text that limit_parse reads, in the largest exact unit of time and without defaults.
 * At most LIMIT_TEXT_SIZE bytes. */
void limit_format(const struct xrl_limit *limit, char *text, size_t size);

const char *limit_unit_name(__u32 unit);
const char *limit_algorithm_name(__u32 algorithm);

/* Parts of a limit, as the policy file writes them. */

#define LIMIT_SCOPE_SIZE 8

/* "source", "class", or a prefix such as "/24". */
void limit_format_scope(const struct xrl_limit *limit, char scope[LIMIT_SCOPE_SIZE]);

/* Returns `text`, or NULL if the limit has no endpoint. */
const char *limit_format_endpoint(const struct xrl_limit *limit, char text[ENDPOINT_TEXT_SIZE]);
