/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "user/serve/supervisor/child.h"
#include "user/serve/ipc/response.h"
#include "user/serve/worker/worker.h"
#include "user/serve/supervisor/queue.h"

/* The store worker as the supervisor sees it: a process of its own, because a call to the store may
 * wait ten seconds for a lock. It handles one request at a time; the others are queued here. */
struct worker_process {
	struct child child;
	struct worker worker; /* initial state of every new process */
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

/* Starts the process, or sends it the next request, when that is due. Drops requests whose deadline
 * has passed: their clients have got a response. */
void worker_process_run_timers(struct worker_process *process, const struct permit_rules *rules);
__u64 worker_process_next_deadline_ns(const struct worker_process *process);

/* Receives the response to the current request; the caller releases *request and *response. False:
 * none yet. */
bool worker_process_receive(struct worker_process *process, struct ipc_request *request,
                            struct ipc_response *response);

/* Reaps a child. False: it was not the worker. The current request is then answered as unavailable.
 */
bool worker_process_reap(struct worker_process *process, pid_t pid, int status, bool stopping,
                         struct ipc_request *request);

/* False if the worker has been busy with one request for too long. */
bool worker_process_is_healthy(const struct worker_process *process);
