/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"
#include "user/permits/permit.h"

/* For `attach`, which holds the lock of the pin directory. */

/* Brings the map of this instance to what the store says, if there is a store. */
enum exit_code permit_restore(const struct permit_context *context,
                              const struct instance *instance);

/* How many addresses the store has permitted, for the size of the map. 0 if it can't be read. */
__u32 permit_count_stored(const char *state_dir);
