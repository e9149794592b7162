/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "user/serve/ipc/channel.h"

/* A process that the supervisor starts and exchanges messages with. */

struct child {
	pid_t pid; /* 0: none */
	struct channel channel;
};

/* The main function of a child, with its end of the channel. */
typedef void child_run(const void *context, int channel);

/* Forks. The child keeps only standard input, output and error, its end of the channel and the
 * files in `kept`. It ignores the signals that end or reload the service: the supervisor tells it
 * when to end, so that a signal to the whole process group (from a terminal or a service manager)
 * does not interrupt requests in progress. 0 or -errno. */
int child_start(struct child *child, size_t max_message, const int *kept, int kept_count,
                child_run *run, const void *context);

void child_kill(const struct child *child);

/* After its end. */
void child_reap(struct child *child);

void child_log_exit(const struct child *child, const char *name, int status);
