/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "include/address.h"
#include "user/datapath/maps.h"

/* The map `permits`: an entry for each permitted address, with its expiry in boot time. */

/* 0 removes the entry. Returns 0 or -errno. */
int permit_map_set(const struct maps *maps, const struct xrl_address *address,
                   __u64 expires_boot_ns);

/* False: no entry. */
bool permit_map_get(const struct maps *maps, const struct xrl_address *address,
                    __u64 *expires_boot_ns);

/* Iterates over the addresses; `previous` is NULL for the first. False: no more. */
bool permit_map_next(const struct maps *maps, const struct xrl_address *previous,
                     struct xrl_address *address);
