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

#define OTHER_FILES  128 /* that aren't connections */
#define PATIENT_MS   60000
#define IMPATIENT_MS 200

struct front {
	const struct front_setup *setup;
	struct asker asker;
	struct server *servers;
	int count;
	__u64 end_by_ns; /* 0: it serves */
};

/* Files are what there is to share. */
static int connections_each(int listeners)
{
	struct rlimit limit = {.rlim_cur = OTHER_FILES + 1024};
	unsigned long each;

	getrlimit(RLIMIT_NOFILE, &limit);
	each = limit.rlim_cur > OTHER_FILES ? (limit.rlim_cur - OTHER_FILES) / listeners : 1;
	return each < FRONT_MAX_CONNECTIONS ? each : FRONT_MAX_CONNECTIONS;
}

static bool start_servers(struct front *front)
{
	int most = connections_each(front->count);

	for (int i = 0; i < front->count; i++) {
		struct server *server = &front->servers[i];

		server->setup = front->setup;
		server->asker = &front->asker;
		server->listener = &front->setup->listeners.items[i];
		if (server_start(server, most))
			continue;
		log_line("cannot serve on %s", server->listener->text);
		return false;
	}
	return true;
}

/* Also a second time, to end sooner. */
static void retire(struct front *front)
{
	__u64 end_by_ns = now_monotonic_ns() + front->asker.retire_seconds * SECOND_NS;

	front->asker.retire = false;
	if (!front->end_by_ns || end_by_ns < front->end_by_ns)
		front->end_by_ns = end_by_ns;
	for (int i = 0; i < front->count; i++)
		server_drain(&front->servers[i]);
}

static bool is_finished(const struct front *front, __u64 now_ns)
{
	if (!front->end_by_ns)
		return false;
	for (int i = 0; i < front->count; i++)
		if (front->servers[i].connections.count)
			return now_ns >= front->end_by_ns;
	return true;
}

static int shorter(int a_ms, int b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

static int wait_ms(const struct front *front)
{
	int wait = PATIENT_MS;

	for (int i = 0; i < front->count; i++)
		wait = shorter(wait, server_wait_ms(&front->servers[i]));
	/* then something may run out at any time */
	if (front->end_by_ns || asker_waits(&front->asker))
		wait = shorter(wait, IMPATIENT_MS);
	return wait;
}

static void wait_for_work(struct front *front)
{
	struct pollfd polled[1 + CONFIG_MAX_LIST] = {{front->asker.channel.fd, POLLIN, 0}};

	if (channel_waits_to_send(&front->asker.channel))
		polled[0].events |= POLLOUT;
	for (int i = 0; i < front->count; i++)
		polled[1 + i] = (struct pollfd){front->servers[i].events, POLLIN, 0};
	if (poll(polled, 1 + front->count, wait_ms(front)) <= 0)
		return;
	if (polled[0].revents & POLLOUT)
		channel_flush(&front->asker.channel);
	/* without the supervisor there is nothing to serve, and a new one brings its own front */
	if (polled[0].revents & ~POLLOUT && asker_hear(&front->asker))
		_exit(EXIT_FAILURE);
}

void front_run(const struct front_setup *setup, int channel)
{
	struct front front = {.setup = setup, .count = setup->listeners.count};

	asker_open(&front.asker, channel);
	front.servers = calloc(front.count, sizeof(*front.servers));
	if (!front.servers || !start_servers(&front))
		_exit(EXIT_FAILURE);
	for (;;) {
		__u64 now_ns;

		wait_for_work(&front);
		now_ns = now_monotonic_ns();
		asker_time_out(&front.asker, now_ns);
		if (front.asker.retire)
			retire(&front);
		for (int i = 0; i < front.count; i++)
			server_run(&front.servers[i], now_ns);
		if (is_finished(&front, now_ns))
			_exit(EXIT_SUCCESS);
	}
}
