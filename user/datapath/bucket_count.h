/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>

#include "user/datapath/maps.h"

/* How many sources have a bucket now. Looks at each of them: some 100 ms for a million. False:
 * it can't be found out. */
bool bucket_count(const struct maps *maps, __u32 *occupied);
