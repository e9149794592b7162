/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "user/policy/endpoint.h"
#include "include/policy.h"

/* Parts of a limit, in the words of the policy file. */

#define LIMIT_SCOPE_SIZE 8

/* "source", "class", or a prefix such as "/24". */
void limit_format_scope(const struct xrl_limit *limit, char scope[LIMIT_SCOPE_SIZE]);

/* Returns `text`, or NULL when it has no endpoint. */
const char *limit_format_endpoint(const struct xrl_limit *limit, char text[ENDPOINT_TEXT_SIZE]);
