// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/supervisor/frontends.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "user/serve/ipc/protocol.h"
#include "user/serve/log.h"
#include "user/serve/supervisor/backoff.h"
#include "user/serve/supervisor/privileges.h"
#include "user/serve/supervisor/sandbox.h"

#define KILL_AFTER_NS (2 * SECOND_NS) /* after its drain deadline */

/* In the child. */
static void become_frontend(const void *setup, int channel)
{
	if (privileges_drop_all() || sandbox_enter())
		return;
	/* a hung frontend must not outlive the supervisor; set after the privileges are dropped,
	 * which clears it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	frontend_run(setup, channel);
}

static struct frontend_process *free_slot(struct frontends *frontends)
{
	for (int i = 0; i < FRONTENDS_MAX; i++)
		if (!frontends->items[i].child.pid)
			return &frontends->items[i];
	return NULL;
}

/* After many reloads in a short time, kills the oldest draining frontend. */
static struct frontend_process *evict_oldest(struct frontends *frontends)
{
	struct frontend_process *oldest = &frontends->items[0];

	for (int i = 1; i < FRONTENDS_MAX; i++)
		if ((__s32)(frontends->items[i].serial - oldest->serial) < 0)
			oldest = &frontends->items[i];
	child_kill(&oldest->child);
	waitpid(oldest->child.pid, NULL, 0);
	child_reap(&oldest->child);
	return oldest;
}

void frontends_start(struct frontends *frontends, const struct frontend_setup *setup)
{
	struct frontend_process *frontend = free_slot(frontends);
	int sockets[SETTINGS_MAX_LIST], error;

	if (!frontend)
		frontend = evict_oldest(frontends);
	for (int i = 0; i < setup->listeners.count; i++)
		sockets[i] = setup->listeners.items[i].fd;
	error = child_start(&frontend->child, CHANNEL_MAX_REQUEST, sockets, setup->listeners.count,
	                    become_frontend, setup);
	if (error) {
		log_line("cannot start a frontend: %s", strerror(-error));
		frontends->start_at_ns =
			now_monotonic_ns() + backoff_next(&frontends->backoff_ns, 0);
		return;
	}
	frontend->serial = ++frontends->last_serial;
	frontend->start_ns = now_monotonic_ns();
	frontend->drain_deadline_ns = 0;
	frontends->start_at_ns = 0;
}

static void drain(struct frontend_process *frontend, int seconds, __u64 now_ns)
{
	__u64 drain_deadline_ns = now_ns + seconds * SECOND_NS + KILL_AFTER_NS;

	if (frontend->drain_deadline_ns && frontend->drain_deadline_ns <= drain_deadline_ns)
		return;
	frontend->drain_deadline_ns = drain_deadline_ns;
	if (channel_send(&frontend->child.channel,
	                 json_pack("{s:s, s:i}", "op", OP_DRAIN, "seconds", seconds), NULL, 0))
		child_kill(&frontend->child);
}

void frontends_drain(struct frontends *frontends, int seconds)
{
	__u64 now_ns = now_monotonic_ns();

	frontends->start_at_ns = 0;
	for (int i = 0; i < FRONTENDS_MAX; i++)
		if (frontends->items[i].child.pid)
			drain(&frontends->items[i], seconds, now_ns);
}

void frontends_kill(struct frontends *frontends)
{
	for (int i = 0; i < FRONTENDS_MAX; i++)
		child_kill(&frontends->items[i].child);
}

static struct frontend_process *find_process(struct frontends *frontends, pid_t pid)
{
	for (int i = 0; i < FRONTENDS_MAX; i++)
		if (frontends->items[i].child.pid == pid)
			return &frontends->items[i];
	return NULL;
}

bool frontends_reap(struct frontends *frontends, pid_t pid, int status, bool stopping)
{
	struct frontend_process *frontend = find_process(frontends, pid);
	__u64 now_ns = now_monotonic_ns();

	if (!frontend)
		return false;
	if (!frontend->drain_deadline_ns || status)
		child_log_exit(&frontend->child, "frontend", status);
	child_reap(&frontend->child);
	if (frontend->serial == frontends->last_serial && !stopping)
		frontends->start_at_ns =
			now_ns + backoff_next(&frontends->backoff_ns, now_ns - frontend->start_ns);
	return true;
}

struct frontend_process *frontends_find(struct frontends *frontends, __u32 serial)
{
	for (int i = 0; i < FRONTENDS_MAX; i++)
		if (frontends->items[i].child.pid && frontends->items[i].serial == serial)
			return &frontends->items[i];
	return NULL;
}

bool frontends_any(const struct frontends *frontends)
{
	for (int i = 0; i < FRONTENDS_MAX; i++)
		if (frontends->items[i].child.pid)
			return true;
	return false;
}

__u64 frontends_next_deadline_ns(const struct frontends *frontends, __u64 otherwise_ns)
{
	__u64 deadline_ns = otherwise_ns;

	if (frontends->start_at_ns && frontends->start_at_ns < deadline_ns)
		deadline_ns = frontends->start_at_ns;
	for (int i = 0; i < FRONTENDS_MAX; i++) {
		const struct frontend_process *frontend = &frontends->items[i];

		if (frontend->child.pid && frontend->drain_deadline_ns &&
		    frontend->drain_deadline_ns < deadline_ns)
			deadline_ns = frontend->drain_deadline_ns;
	}
	return deadline_ns;
}

void frontends_run_timers(struct frontends *frontends, const struct frontend_setup *setup,
                          __u64 now_ns)
{
	for (int i = 0; i < FRONTENDS_MAX; i++) {
		struct frontend_process *frontend = &frontends->items[i];

		if (!frontend->child.pid || !frontend->drain_deadline_ns ||
		    frontend->drain_deadline_ns > now_ns)
			continue;
		frontend->drain_deadline_ns = now_ns + SECOND_NS;
		child_kill(&frontend->child);
	}
	if (frontends->start_at_ns && frontends->start_at_ns <= now_ns)
		frontends_start(frontends, setup);
}
