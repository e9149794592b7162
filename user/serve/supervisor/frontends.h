/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "user/serve/supervisor/child.h"
#include "user/serve/http/frontend.h"

/* The fronts: one that serves, and after reloads some that finish. */

#define FRONTS_MAX 6

struct front_process {
	struct child child;
	__u32 serial;
	__u64 start_ns;
	__u64 end_by_ns; /* 0: it has not been told to end */
};

struct fronts {
	struct front_process items[FRONTS_MAX];
	__u32 last_serial; /* of the one that serves */
	__u64 start_at_ns; /* 0: there is one that serves, or none is wanted */
	__u64 pause_ns;
};

/* A new one, beside those that finish. When that fails it is tried again. */
void fronts_start(struct fronts *fronts, const struct front_setup *setup);

/* Those that serve take no new connections from then on. All of them end within that time, or
 * are killed. */
void fronts_retire(struct fronts *fronts, int seconds);
void fronts_kill(struct fronts *fronts);

/* A child has ended. False: it was no front. */
bool fronts_bury(struct fronts *fronts, pid_t pid, int status, bool stopping);

struct front_process *fronts_find(struct fronts *fronts, __u32 serial);
bool fronts_any(const struct fronts *fronts);

/* When something is due at the latest, and what that is. */
__u64 fronts_due_ns(const struct fronts *fronts, __u64 otherwise_ns);
void fronts_do_due(struct fronts *fronts, const struct front_setup *setup, __u64 now_ns);
