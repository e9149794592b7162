/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "user/serve/supervisor/child.h"
#include "user/serve/http/frontend.h"

/* The frontends: one that serves, and after reloads some that drain. */

#define FRONTENDS_MAX 6

struct frontend_process {
	struct child child;
	__u32 serial;
	__u64 start_ns;
	__u64 drain_deadline_ns; /* 0: not draining */
};

struct frontends {
	struct frontend_process items[FRONTENDS_MAX];
	__u32 last_serial; /* of the serving one */
	__u64 start_at_ns; /* 0: one is serving, or none is wanted */
	__u64 backoff_ns;
};

/* Starts a frontend beside those that drain; retries later if that fails. */
void frontends_start(struct frontends *frontends, const struct frontend_setup *setup);

/* Serving frontends accept no new connections any more. All of them end within that time, or are
 * killed. */
void frontends_drain(struct frontends *frontends, int seconds);
void frontends_kill(struct frontends *frontends);

/* Reaps a child. False: it was not a frontend. */
bool frontends_reap(struct frontends *frontends, pid_t pid, int status, bool stopping);

struct frontend_process *frontends_find(struct frontends *frontends, __u32 serial);
bool frontends_any(const struct frontends *frontends);

/* The next deadline, and the work that is due then. */
__u64 frontends_next_deadline_ns(const struct frontends *frontends, __u64 otherwise_ns);
void frontends_run_timers(struct frontends *frontends, const struct frontend_setup *setup,
                          __u64 now_ns);
