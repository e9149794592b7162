/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"

/* Activates the policy of the configuration under traffic, for the command and for `serve`. */

struct reload_request {
	const char *pin_dir;
	const char *config_path;
	bool config_named; /* by the operator: the file must exist */
};

/* The facts, under the lock of the pin directory until reload_release(). */
struct reload_result {
	struct maps maps;     /* with the policy that is active now */
	bool changed;         /* false: it was active before */
	__u32 wanted_sources; /* the file asks for another number of buckets. 0: it does not */
	int lock;
};

/* All or nothing: a bad file changes nothing. EXIT_NOT_FOUND: the limiter is not attached. Release
 * the result in either case. */
enum exit_code reload(const struct reload_request *request, struct reload_result *result);

void reload_release(struct reload_result *result);
