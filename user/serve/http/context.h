/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <microhttpd.h>

#include "user/serve/http/connections.h"
#include "user/serve/http/frontend_setup.h"
#include "user/serve/http/headers.h"
#include "user/serve/http/route.h"
#include "user/serve/ipc/client.h"
#include "user/serve/ipc/client_address.h"
#include "user/serve/ipc/response.h"

/* The state of one listener and of one request, which the files of this folder share. */

struct server {
	const struct frontend_setup *setup;
	const struct listener *listener;
	struct ipc_client *ipc;
	struct MHD_Daemon *daemon;
	struct connections connections;
	int events; /* readable when the server must run */
	bool draining;
};

struct http_request {
	struct server *server;
	struct MHD_Connection *connection;
	char *target;
	struct route route;
	struct headers headers;
	bool begun; /* the headers have been read */
	bool body_too_long;
	size_t body_length, body_received;
	char *body; /* NULL: nothing received */
	const char *token;
	struct client_address client;
	struct ipc_response
		refusal; /* the response if the token is right; IPC_PENDING: no error yet */
	struct ipc_response response;
	struct pending pending;
};

/* NULL: the connection is not tracked, for lack of memory. */
static inline struct tracked *tracked_connection(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}
