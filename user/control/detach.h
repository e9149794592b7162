/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <net/if.h>

#include "user/util/result.h"

/* Detaches the limiter from interfaces: one transaction, under the lock of the pin directory. */

struct detach_request {
	const char *pin_dir, *state_dir;
	char *const *interfaces;
	int interface_count; /* 0: all, and whatever an interrupted command left */
};

/* Free it with detach_release(). */
struct detach_result {
	char (*interfaces)[IF_NAMESIZE];
	int interface_count;
	unsigned int kept_permits; /* in the store or in the map, for the next attach */
};

/* Checks all names before it detaches the first. EXIT_NOT_FOUND: not attached. With the last
 * interface the shared maps go, but never an active permit that is not in the store. */
enum exit_code detach(const struct detach_request *request, struct detach_result *result);

void detach_release(struct detach_result *result);
