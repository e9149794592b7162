/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "user/util/parse_error.h"

/* Read the values of the section [flood]. Return 0, or -EINVAL with a sentence that quotes the text
 * and says what is expected. On error nothing else is written. */

/* "on", "monitor" or "off". */
int gate_parse_mode(const char *text, __u32 *mode, const struct parse_error *parse_error);

/* N/PERIOD or "N/PERIOD packets", within the limits of gate.h. `key` names the setting in errors.
 */
int gate_parse_rate(const char *key, const char *text, __u64 *packets, __u64 *period_ns,
                    const struct parse_error *parse_error);
