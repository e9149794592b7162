/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "user/serve/ipc/channel.h"

/* Processes that the supervisor starts and talks to. */

struct child {
	pid_t pid; /* 0: none */
	struct channel channel;
};

/* What a child does, with its end of the channel. */
typedef void child_run(const void *context, int channel);

/* Forks. In the child only standard input, output and error, its end of the channel and the
 * files in `kept` stay open, and the signals that end or reload a service are ignored: the
 * supervisor says when it is time to end, so that a signal to the whole group (of a terminal,
 * or of a service manager) doesn't cut off what is under way. 0 or -errno. */
int child_start(struct child *child, size_t max_message, const int *kept, int kept_count,
                child_run *run, const void *context);

void child_kill(const struct child *child);

/* When it has ended. */
void child_reap(struct child *child);

void child_log_exit(const struct child *child, const char *name, int status);
