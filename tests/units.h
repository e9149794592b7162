/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/util/duration.h"

/* More spans of time in nanoseconds. */

#define MS_NS   MILLISECOND_NS
#define YEAR_NS (365 * DAY_NS)
