/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "instance.h"
#include "../include/address.h"

/* The permits that the program obeys. Each change of a set of them is followed by
 * permit_map_announce, so that known sources look again. Hold the lock of the pin
 * directory: a policy must not be published in between. 0 or -errno. */

/* In force until that moment of boot time. */
int permit_map_set(const struct instance *instance, const struct xrl_address *address,
                   __u64 until_boot_ns);

/* No error when there was none. */
int permit_map_remove(const struct instance *instance, const struct xrl_address *address);

int permit_map_announce(const struct instance *instance);
