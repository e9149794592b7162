// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/http/frontend.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/serve/ipc/client.h"
#include "user/serve/log.h"
#include "user/serve/now.h"
#include "user/serve/http/server.h"

#define OTHER_FILES  128 /* other than connections */
#define IDLE_WAIT_MS 60000
#define BUSY_WAIT_MS 200

struct frontend {
	const struct frontend_setup *setup;
	struct ipc_client ipc;
	struct server *servers;
	int count;
	__u64 drain_deadline_ns; /* 0: it serves */
};

/* Divides the limit of open files among the listeners. */
static int connections_each(int listeners)
{
	struct rlimit limit = {.rlim_cur = OTHER_FILES + 1024};
	unsigned long each;

	getrlimit(RLIMIT_NOFILE, &limit);
	each = limit.rlim_cur > OTHER_FILES ? (limit.rlim_cur - OTHER_FILES) / listeners : 1;
	return each < FRONTEND_MAX_CONNECTIONS ? each : FRONTEND_MAX_CONNECTIONS;
}

static bool start_servers(struct frontend *frontend)
{
	int most = connections_each(frontend->count);

	for (int i = 0; i < frontend->count; i++) {
		struct server *server = &frontend->servers[i];

		server->setup = frontend->setup;
		server->ipc = &frontend->ipc;
		server->listener = &frontend->setup->listeners.items[i];
		if (server_start(server, most))
			continue;
		log_line("cannot serve on %s", server->listener->text);
		return false;
	}
	return true;
}

/* May be called again with an earlier deadline. */
static void drain(struct frontend *frontend)
{
	__u64 drain_deadline_ns = now_monotonic_ns() + frontend->ipc.drain_seconds * SECOND_NS;

	frontend->ipc.drain = false;
	if (!frontend->drain_deadline_ns || drain_deadline_ns < frontend->drain_deadline_ns)
		frontend->drain_deadline_ns = drain_deadline_ns;
	for (int i = 0; i < frontend->count; i++)
		server_drain(&frontend->servers[i]);
}

static bool is_finished(const struct frontend *frontend, __u64 now_ns)
{
	if (!frontend->drain_deadline_ns)
		return false;
	for (int i = 0; i < frontend->count; i++)
		if (frontend->servers[i].connections.count)
			return now_ns >= frontend->drain_deadline_ns;
	return true;
}

static int shorter(int a_ms, int b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

static int wait_ms(const struct frontend *frontend)
{
	int wait = IDLE_WAIT_MS;

	for (int i = 0; i < frontend->count; i++)
		wait = shorter(wait, server_wait_ms(&frontend->servers[i]));
	/* a held-back response or deadline may be due at any time */
	if (frontend->drain_deadline_ns || ipc_client_has_pending(&frontend->ipc))
		wait = shorter(wait, BUSY_WAIT_MS);
	return wait;
}

static void wait_for_work(struct frontend *frontend)
{
	struct pollfd polled[1 + SETTINGS_MAX_LIST] = {{frontend->ipc.channel.fd, POLLIN, 0}};

	if (channel_has_unsent(&frontend->ipc.channel))
		polled[0].events |= POLLOUT;
	for (int i = 0; i < frontend->count; i++)
		polled[1 + i] = (struct pollfd){frontend->servers[i].events, POLLIN, 0};
	if (poll(polled, 1 + frontend->count, wait_ms(frontend)) <= 0)
		return;
	if (polled[0].revents & POLLOUT)
		channel_flush(&frontend->ipc.channel);
	/* a new supervisor starts its own frontend */
	if (polled[0].revents & ~POLLOUT && ipc_client_receive(&frontend->ipc))
		_exit(EXIT_FAILURE);
}

void frontend_run(const struct frontend_setup *setup, int channel)
{
	struct frontend frontend = {.setup = setup, .count = setup->listeners.count};

	ipc_client_open(&frontend.ipc, channel);
	frontend.servers = calloc(frontend.count, sizeof(*frontend.servers));
	if (!frontend.servers || !start_servers(&frontend))
		_exit(EXIT_FAILURE);
	for (;;) {
		__u64 now_ns;

		wait_for_work(&frontend);
		now_ns = now_monotonic_ns();
		ipc_client_run_timers(&frontend.ipc, now_ns);
		if (frontend.ipc.drain)
			drain(&frontend);
		for (int i = 0; i < frontend.count; i++)
			server_run(&frontend.servers[i], now_ns);
		if (is_finished(&frontend, now_ns))
			_exit(EXIT_SUCCESS);
	}
}
