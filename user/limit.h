/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>
#include <linux/types.h>

#include "../include/policy.h"

#define LIMIT_MAX_UNITS     1000000000ULL    /* packets and connections */
#define LIMIT_MAX_BYTES     1000000000000ULL /* what 40 bits hold, and a round number */
#define LIMIT_MIN_PERIOD_NS 100000000ULL     /* 100 ms */
#define LIMIT_MAX_PERIOD_NS (31 * 86400ULL * 1000000000ULL)
#define LIMIT_TEXT_SIZE     64

/* Fills in a limit of `max_units` per `period_ns`, with the ticks that window.h counts in.
 * since_generation is left at 0. The values must be in the ranges above. */
void limit_set(struct xrl_limit *limit, __u64 max_units, __u64 period_ns, enum xrl_unit unit);

/* Reads "N/PERIOD UNIT", such as "100/1m connections": PERIOD is a whole number and one of
 * ms, s, m, h, d; UNIT one of packets, bytes, connections. 0, or -EINVAL with one sentence
 * in `complaint` that quotes the text and says what was expected. */
int limit_parse(const char *text, struct xrl_limit *limit, char *complaint, size_t size);

/* The text that limit_parse reads, in the largest unit of time that is exact. */
void limit_format(const struct xrl_limit *limit, char *text, size_t size);

const char *limit_unit_name(__u32 unit);
