/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <microhttpd.h>

#include "user/serve/ipc/response.h"
#include "user/serve/ipc/client.h"
#include "user/serve/ipc/client_address.h"
#include "user/serve/http/connections.h"
#include "user/serve/http/form.h"
#include "user/serve/http/frontend.h"
#include "user/serve/http/headers.h"
#include "user/serve/http/route.h"

/* One HTTP request, from its first line to the last byte of its answer. */

#define REQUEST_MAX_BODY 8192

struct server;

struct http_request {
	struct server *server;
	struct MHD_Connection *connection;
	char *target;
	struct route route;
	struct headers headers;
	bool begun; /* the headers have been read */
	bool body_too_long;
	size_t body_length, body_received;
	char *body; /* NULL: nothing has come */
	const char *token;
	struct client_address client;
	struct ipc_response
		refusal; /* what it comes to when the token is right; status 0: nothing yet */
	struct ipc_response response;
	struct pending pending;
};

/* For libmicrohttpd: MHD_OPTION_URI_LOG_CALLBACK, the handler, MHD_OPTION_NOTIFY_COMPLETED. Their
 * context is a struct server. */
void *request_begin(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result request_handle(void *server, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_length, void **request);
void request_end(void *server, struct MHD_Connection *connection, void **request,
                 enum MHD_RequestTerminationCode why);
