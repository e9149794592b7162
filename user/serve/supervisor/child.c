// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/supervisor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/serve/log.h"

#define MAX_KEPT 128

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void keep_only(int channel, const int *kept, int count)
{
	int all[MAX_KEPT], first = STDERR_FILENO + 1;

	all[0] = channel;
	for (int i = 0; i < count && i + 1 < MAX_KEPT; i++)
		all[i + 1] = kept[i];
	qsort(all, count + 1, sizeof(all[0]), compare);
	for (int i = 0; i <= count; i++) {
		if (all[i] > first)
			close_range(first, all[i] - 1, 0);
		first = all[i] + 1;
	}
	close_range(first, ~0U, 0);
}

static void become_child(int channel, const int *kept, int count)
{
	sigset_t none;
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* the frontend must not share a terminal with the user who started the service */
	setsid();
	if (nothing >= 0)
		dup2(nothing, STDIN_FILENO);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	keep_only(channel, kept, count);
}

int child_start(struct child *child, size_t max_message, const int *kept, int kept_count,
                child_run *run, const void *context)
{
	int pair[2], error;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return -errno;
	pid = fork();
	error = errno;
	if (!pid) {
		become_child(pair[1], kept, kept_count);
		run(context, pair[1]);
		_exit(EXIT_FAILURE);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -error;
	}
	child->pid = pid;
	channel_open(&child->channel, pair[0], max_message);
	return 0;
}

void child_kill(const struct child *child)
{
	if (child->pid)
		kill(child->pid, SIGKILL);
}

void child_reap(struct child *child)
{
	channel_close(&child->channel);
	child->pid = 0;
}

void child_log_exit(const struct child *child, const char *name, int status)
{
	if (WIFSIGNALED(status))
		log_line("%s (process %d) was killed by signal %d", name, child->pid,
		         WTERMSIG(status));
	else
		log_line("%s (process %d) exited with status %d", name, child->pid,
		         WEXITSTATUS(status));
}
