/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "user/util/parse_error.h"

/* Reads how many buckets there are to be. 0, or -EINVAL with a parse error. */
int policy_parse_max_sources(const char *text, __u32 *sources,
                             const struct parse_error *parse_error);
