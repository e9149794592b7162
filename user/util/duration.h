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

/* A whole number in decimal digits and nothing else, at *at. Steps past it. 0, -EINVAL when
 * there is no digit, -ERANGE when it doesn't fit. On error *at is as before. */
int number_take(const char **at, __u64 *number);

/* A duration at *at, such as "90s". Steps past it. 0, -EINVAL or -ERANGE. On error *at is as
 * before. */
int duration_take(const char **at, __u64 *duration_ns);

/* The same in the largest unit that is exact, such as "15m"; what is less than 1 ms is left
 * out. */
void duration_format(__u64 duration_ns, char *text, size_t size);
