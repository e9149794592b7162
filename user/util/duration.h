/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>
#include <linux/types.h>

/* Spans of time as operators write them: a whole number and one of ms, s, m, h, d. */

#define MILLISECOND_NS 1000000LL
#define SECOND_NS      1000000000LL
#define MINUTE_NS      (60 * SECOND_NS)
#define HOUR_NS        (60 * MINUTE_NS)
#define DAY_NS         (24 * HOUR_NS)

#define DURATION_TEXT_SIZE 32

/* Reads a whole number in decimal digits at *at and steps past it. Returns 0, -EINVAL if there is
 * no digit, or -ERANGE if the number does not fit. On error *at is unchanged. */
int number_take(const char **at, __u64 *number);

/* Reads a duration such as "90s" at *at, with the same result. */
int duration_take(const char **at, __u64 *duration_ns);

/* Writes the duration in the largest exact unit, such as "15m". Less than 1 ms is cut off. */
void duration_format(__u64 duration_ns, char *text, size_t size);
