/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "user/util/parse_error.h"

/* The values of the section [flood]. 0, or -EINVAL with one sentence that quotes the text and says
 * what was expected. On error nothing else is written. */

/* "on", "monitor" or "off". */
int gate_parse_mode(const char *text, __u32 *mode, const struct parse_error *parse_error);

/* N/PERIOD or "N/PERIOD packets", in the range that flood.h has. `key` is whose value it is. */
int gate_parse_rate(const char *key, const char *text, __u64 *packets, __u64 *period_ns,
                    const struct parse_error *parse_error);
