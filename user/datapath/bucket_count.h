/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>

#include "user/datapath/maps.h"

/* Counts the buckets by iterating over them: about 100 ms for a million. False: cannot be read. */
bool bucket_count(const struct maps *maps, __u32 *occupied);
