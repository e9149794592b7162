// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/supervisor/frontends.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "user/serve/worker/worker.h"
#include "user/serve/log.h"
#include "user/serve/supervisor/backoff.h"
#include "user/serve/supervisor/privileges.h"
#include "user/serve/supervisor/sandbox.h"

#define KILL_AFTER_NS (2 * SECOND_NS) /* beyond the time that it was given */

/* In the child. */
static void become_front(const void *setup, int channel)
{
	if (privileges_drop_all() || sandbox_enter())
		return;
	/* also one that hangs must not outlive the supervisor; after the drop, which clears this */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	front_run(setup, channel);
}

static struct front_process *free_place(struct fronts *fronts)
{
	for (int i = 0; i < FRONTS_MAX; i++)
		if (!fronts->items[i].child.pid)
			return &fronts->items[i];
	return NULL;
}

/* When there were many reloads in a short time, the oldest front has had its time. */
static struct front_process *make_place(struct fronts *fronts)
{
	struct front_process *oldest = &fronts->items[0];

	for (int i = 1; i < FRONTS_MAX; i++)
		if ((__s32)(fronts->items[i].serial - oldest->serial) < 0)
			oldest = &fronts->items[i];
	child_kill(&oldest->child);
	waitpid(oldest->child.pid, NULL, 0);
	child_forget(&oldest->child);
	return oldest;
}

void fronts_start(struct fronts *fronts, const struct front_setup *setup)
{
	struct front_process *front = free_place(fronts);
	int sockets[CONFIG_MAX_LIST], error;

	if (!front)
		front = make_place(fronts);
	for (int i = 0; i < setup->listeners.count; i++)
		sockets[i] = setup->listeners.items[i].fd;
	error = child_start(&front->child, CHANNEL_MAX_QUESTION, sockets, setup->listeners.count,
	                    become_front, setup);
	if (error) {
		log_line("cannot start a front: %s", strerror(-error));
		fronts->start_at_ns = now_monotonic_ns() + pause_after(&fronts->pause_ns, 0);
		return;
	}
	front->serial = ++fronts->last_serial;
	front->start_ns = now_monotonic_ns();
	front->end_by_ns = 0;
	fronts->start_at_ns = 0;
}

static void retire(struct front_process *front, int seconds, __u64 now_ns)
{
	__u64 end_by_ns = now_ns + seconds * SECOND_NS + KILL_AFTER_NS;

	if (front->end_by_ns && front->end_by_ns <= end_by_ns)
		return;
	front->end_by_ns = end_by_ns;
	if (channel_send(&front->child.channel,
	                 json_pack("{s:s, s:i}", "op", OP_RETIRE, "seconds", seconds), NULL, 0))
		child_kill(&front->child);
}

void fronts_retire(struct fronts *fronts, int seconds)
{
	__u64 now_ns = now_monotonic_ns();

	fronts->start_at_ns = 0;
	for (int i = 0; i < FRONTS_MAX; i++)
		if (fronts->items[i].child.pid)
			retire(&fronts->items[i], seconds, now_ns);
}

void fronts_kill(struct fronts *fronts)
{
	for (int i = 0; i < FRONTS_MAX; i++)
		child_kill(&fronts->items[i].child);
}

static struct front_process *find_process(struct fronts *fronts, pid_t pid)
{
	for (int i = 0; i < FRONTS_MAX; i++)
		if (fronts->items[i].child.pid == pid)
			return &fronts->items[i];
	return NULL;
}

bool fronts_bury(struct fronts *fronts, pid_t pid, int status, bool stopping)
{
	struct front_process *front = find_process(fronts, pid);
	__u64 now_ns = now_monotonic_ns();

	if (!front)
		return false;
	if (!front->end_by_ns || status)
		child_log_death(&front->child, "front", status);
	child_forget(&front->child);
	if (front->serial == fronts->last_serial && !stopping)
		fronts->start_at_ns =
			now_ns + pause_after(&fronts->pause_ns, now_ns - front->start_ns);
	return true;
}

struct front_process *fronts_find(struct fronts *fronts, __u32 serial)
{
	for (int i = 0; i < FRONTS_MAX; i++)
		if (fronts->items[i].child.pid && fronts->items[i].serial == serial)
			return &fronts->items[i];
	return NULL;
}

bool fronts_any(const struct fronts *fronts)
{
	for (int i = 0; i < FRONTS_MAX; i++)
		if (fronts->items[i].child.pid)
			return true;
	return false;
}

__u64 fronts_due_ns(const struct fronts *fronts, __u64 otherwise_ns)
{
	__u64 due_ns = otherwise_ns;

	if (fronts->start_at_ns && fronts->start_at_ns < due_ns)
		due_ns = fronts->start_at_ns;
	for (int i = 0; i < FRONTS_MAX; i++) {
		const struct front_process *front = &fronts->items[i];

		if (front->child.pid && front->end_by_ns && front->end_by_ns < due_ns)
			due_ns = front->end_by_ns;
	}
	return due_ns;
}

void fronts_do_due(struct fronts *fronts, const struct front_setup *setup, __u64 now_ns)
{
	for (int i = 0; i < FRONTS_MAX; i++) {
		struct front_process *front = &fronts->items[i];

		if (!front->child.pid || !front->end_by_ns || front->end_by_ns > now_ns)
			continue;
		front->end_by_ns = now_ns + SECOND_NS;
		child_kill(&front->child);
	}
	if (fronts->start_at_ns && fronts->start_at_ns <= now_ns)
		fronts_start(fronts, setup);
}
