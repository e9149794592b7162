/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <microhttpd.h>

#include "user/serve/ipc/client.h"
#include "user/serve/http/connections.h"
#include "user/serve/http/frontend.h"

/* HTTP on one listener. All of them run in one thread, one after the other. */

#define SERVER_IDLE_SECONDS   15
#define SERVER_MAX_HEADERS    16384
#define SERVER_MAX_PER_CLIENT 256 /* connections of one address, unless it is a trusted proxy */

struct server {
	const struct frontend_setup *setup;
	const struct listener *listener;
	struct ipc_client *ipc;
	struct MHD_Daemon *daemon;
	struct connections connections;
	int events; /* readable when there is something to do */
	bool draining;
};

bool server_start(struct server *server, int max_connections);

/* Does what there is to do. */
void server_run(struct server *server, __u64 now_ns);

/* In how many milliseconds at the latest it must run again, if nothing happens. */
int server_wait_ms(const struct server *server);

/* No new connections; those that are there are closed after the next answer, or when idle. */
void server_drain(struct server *server);

struct tracked *server_tracked(struct MHD_Connection *connection);
