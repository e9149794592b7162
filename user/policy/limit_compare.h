/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "include/policy.h"

/* Whether `limit` can never reject a unit in a class that also has `other`, because everything that
 * `other` passes fits into it. False if that is not certain. */
bool limit_always_first(const struct xrl_limit *other, const struct xrl_limit *limit);
