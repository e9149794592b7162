/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>

#include "instance.h"
#include "../include/address.h"
#include "../include/bucket.h"
#include "../include/policy.h"

/* What is left to a source, by the program's own arithmetic and without changing anything. */

struct source_state {
	struct xrl_address address;
	struct xrl_bucket bucket;
	struct xrl_class class;
	bool known;
	__u64 permit_until_boot_ns; /* 0: none in force */
	bool monitored;             /* nothing is refused */
	__u64 now_ns;
};

/* What one limit leaves to it, now. */
struct source_rest {
	__u64 used, remaining;
	__u64 reset_boot_ns;  /* 0: no window is open */
	__u64 retry_after_ns; /* 0: there is room for a unit */
};

enum exit_code source_state_read(const struct instance *instance, const struct xrl_address *address,
                                 struct source_state *source);

/* `window`: the limit's place in the class. */
struct source_rest source_rest_of(const struct source_state *source, const struct xrl_limit *limit,
                                  int window);

/* source, class, known, permit_expires_at, limits[], icmp_errors: as `show IP --json` has it. */
json_t *source_state_json(const struct source_state *source);

/* All of it for one address, with the pin directory locked meanwhile. EXIT_NOT_FOUND when nothing
 * is attached. */
enum exit_code source_state_look_up(const char *pin_dir, const struct xrl_address *address,
                                    json_t **json);
