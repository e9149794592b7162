/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "include/policy.h"

/* `limit` can never refuse a unit in a class that has `other`, too: what `other` admits always
 * fits into it. False where that isn't certain. */
bool limit_always_first(const struct xrl_limit *other, const struct xrl_limit *limit);
