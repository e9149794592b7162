/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "user/serve/supervisor/child.h"
#include "user/serve/worker/worker.h"
#include "user/serve/supervisor/queue.h"

/* The keeper, as the supervisor sees it: a process of its own, because a call to the store may
 * wait for ten seconds while somebody else holds it. It has one question at a time; the others
 * wait here. */
struct keeper_process {
	struct child child;
	struct keeper keeper; /* as every new one begins */
	struct questions questions;
	bool busy;
	struct question current; /* json NULL: maintenance */
	__u64 busy_since_ns;
	__u64 start_ns, start_at_ns, pause_ns;
	__u64 maintain_at_ns;
};

bool keeper_process_open(struct keeper_process *process, const char *pin_dir,
                         const char *state_dir);
void keeper_process_start(struct keeper_process *process);

/* Takes `json` over if there is room; false otherwise. */
bool keeper_process_ask(struct keeper_process *process, __u32 front, json_t *json);

/* Starts it, or asks it the next question, when it is time. Questions whose time is over are
 * dropped: their clients have been told. */
void keeper_process_do_due(struct keeper_process *process, const struct permit_rules *rules);
__u64 keeper_process_due_ns(const struct keeper_process *process);

/* The answer to the current question, once it is there; the caller releases *question and
 * *answer. False: none yet. */
bool keeper_process_hear(struct keeper_process *process, struct question *question,
                         struct answer *answer);

/* A child has ended. False: it was not the keeper. The current question is then answered: the
 * store can't be used. */
bool keeper_process_bury(struct keeper_process *process, pid_t pid, int status, bool stopping,
                         struct question *question);

/* Not so when it has been at one question for too long. */
bool keeper_process_is_well(const struct keeper_process *process);
