/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "user/serve/supervisor/child.h"
#include "user/serve/ipc/response.h"
#include "user/serve/worker/worker.h"
#include "user/serve/supervisor/queue.h"

/* The worker, as the supervisor sees it: a process of its own, because a call to the store may
 * wait for ten seconds while somebody else holds it. It has one question at a time; the others
 * wait here. */
struct worker_process {
	struct child child;
	struct worker worker; /* as every new one begins */
	struct queue queue;
	bool busy;
	struct ipc_request current; /* json NULL: maintenance */
	__u64 busy_since_ns;
	__u64 start_ns, start_at_ns, backoff_ns;
	__u64 maintain_at_ns;
};

bool worker_process_open(struct worker_process *process, const char *pin_dir,
                         const char *state_dir);
void worker_process_start(struct worker_process *process);

/* Takes `json` over if there is room; false otherwise. */
bool worker_process_enqueue(struct worker_process *process, __u32 frontend, json_t *json);

/* Starts it, or asks it the next question, when it is time. Questions whose time is over are
 * dropped: their clients have been told. */
void worker_process_run_timers(struct worker_process *process, const struct permit_rules *rules);
__u64 worker_process_next_deadline_ns(const struct worker_process *process);

/* The answer to the current question, once it is there; the caller releases *question and
 * *answer. False: none yet. */
bool worker_process_receive(struct worker_process *process, struct ipc_request *request,
                            struct ipc_response *response);

/* A child has ended. False: it was not the worker. The current question is then answered: the
 * store can't be used. */
bool worker_process_reap(struct worker_process *process, pid_t pid, int status, bool stopping,
                         struct ipc_request *request);

/* Not so when it has been at one question for too long. */
bool worker_process_is_healthy(const struct worker_process *process);
