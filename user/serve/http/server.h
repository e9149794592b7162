/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/serve/http/context.h"

/* HTTP on one listener. One thread runs all servers in turn. */

#define SERVER_IDLE_SECONDS   15
#define SERVER_MAX_HEADERS    16384
#define SERVER_MAX_PER_CLIENT 256 /* connections of one address, unless it is a trusted proxy */

bool server_start(struct server *server, int max_connections);

/* Handles all events. */
void server_run(struct server *server, __u64 now_ns);

/* The milliseconds after which the server must run even without an event. */
int server_wait_ms(const struct server *server);

/* Accepts no new connections and closes the open ones after the next response, or when idle. */
void server_drain(struct server *server);
