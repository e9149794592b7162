// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/http/request.h"

#include <stdlib.h>
#include <string.h>

#include "user/util/clock.h"
#include "user/serve/ipc/protocol.h"
#include "user/serve/now.h"
#include "user/serve/http/context.h"
#include "user/serve/http/parameters.h"
#include "user/serve/http/reply.h"

#define RESPONSE_NS (15 * SECOND_NS)
#define PING_NS     (2 * SECOND_NS)

#define NO_SUCH_METHOD "this endpoint has no such method; the header Allow says which it has"

static void on_response(struct pending *pending)
{
	struct http_request *request =
		(struct http_request *)((char *)pending - offsetof(struct http_request, pending));

	MHD_resume_connection(request->connection);
}

void *request_begin(void *server, const char *target, struct MHD_Connection *connection)
{
	struct http_request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->server = server;
	request->connection = connection;
	request->target = strdup(target);
	request->pending.response = &request->response;
	request->pending.on_response = on_response;
	if (request->target)
		return request;
	free(request);
	return NULL;
}

void request_end(void *context, struct MHD_Connection *connection, void **closure,
                 enum MHD_RequestTerminationCode why)
{
	struct tracked *tracked = tracked_connection(connection);
	struct http_request *request = *closure;
	struct server *server = context;

	(void)why;
	if (tracked)
		connections_end_request(&server->connections, tracked, now_monotonic_ns());
	if (!request)
		return;
	*closure = NULL;
	ipc_client_cancel(server->ipc, &request->pending);
	headers_release(&request->headers);
	ipc_response_release(&request->response);
	free(request->body);
	free(request->target);
	free(request);
}

static void refuse(struct http_request *request, enum ipc_status status, const char *message)
{
	if (!request->refusal.status)
		ipc_response_error(&request->refusal, status, "%s", message);
}

/* Determines the client, or refuses the request if that fails. */
static void find_client(struct http_request *request)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	bool is_unix = request->server->listener->is_unix;
	char parse_error[300];

	client_address_of_peer(&request->client, info && !is_unix ? info->client_addr : NULL);
	if (client_address_resolve(&request->client, &request->server->setup->proxies,
	                           request->headers.forwarded, parse_error, sizeof(parse_error)))
		refuse(request, IPC_BAD_REQUEST, parse_error);
}

/* Reads the headers. Done once, before the body. */
static void begin(struct http_request *request)
{
	request->begun = true;
	headers_read(&request->headers, request->connection);
	request->route = route_find(request->target);
	request->body_too_long = request->headers.content_length > REQUEST_MAX_BODY;
	find_client(request);
}

/* Handles requests that need no token or have none. True: the response is complete. */
static bool respond_without_token(struct http_request *request)
{
	const struct headers *headers = &request->headers;

	if (request->route.endpoint == ENDPOINT_NONE) {
		ipc_response_error(&request->response, IPC_NOT_FOUND,
		                   "no such path; there are /v3/firewall/permit, "
		                   "/v3/rate-limit and /healthz");
	} else if (headers->out_of_memory) {
		ipc_response_unavailable(&request->response);
	} else if (request->route.endpoint == ENDPOINT_HEALTH) {
		return false;
	} else if (headers->authorizations > 1) {
		ipc_response_error(&request->response, IPC_BAD_REQUEST,
		                   "there are %d Authorization headers; send exactly one",
		                   headers->authorizations);
	} else {
		request->token = headers->authorizations
		                         ? headers_bearer_token(headers->authorization)
		                         : NULL;
		if (!request->token)
			ipc_response_error(
				&request->response, IPC_UNAUTHORIZED,
				"send the token of your account: Authorization: Bearer TOKEN");
	}
	return request->response.status;
}

/* Checks everything but the token. */
static const char *examine(struct http_request *request, const char *method)
{
	const char *operation = route_operation(request->route.endpoint, method);

	if (headers_are_ambiguous(&request->headers))
		refuse(request, IPC_BAD_REQUEST,
		       "the length of the body is ambiguous: send one Content-Length, or "
		       "Transfer-Encoding: chunked");
	if (!operation)
		refuse(request, IPC_METHOD_NOT_ALLOWED, NO_SUCH_METHOD);
	if (request->body_too_long)
		refuse(request, IPC_TOO_LARGE, "the body may have at most 8192 bytes");
	if (request->body_length && !headers_announce_form(&request->headers))
		refuse(request, IPC_UNSUPPORTED_TYPE,
		       "the body must be a form: Content-Type: application/x-www-form-urlencoded");
	return operation;
}

/* True: the response is complete. */
static bool ping(struct http_request *request, const char *method)
{
	if (!route_operation(ENDPOINT_HEALTH, method)) {
		ipc_response_error(&request->response, IPC_METHOD_NOT_ALLOWED, NO_SUCH_METHOD);
		return true;
	}
	request->pending.deadline_ns = now_monotonic_ns() + PING_NS;
	ipc_client_ping(request->server->ipc, &request->pending);
	return false;
}

/* Even for a refused request the worker checks the token and reports the remaining quota. */
static const char *operation_of_refused(const struct http_request *request)
{
	return request->route.endpoint == ENDPOINT_PERMIT ? OP_QUOTA : OP_TOKEN;
}

static json_t *compose(struct http_request *request, const char *method)
{
	const char *operation = examine(request, method);
	struct parameters parameters = {};
	char client[CLIENT_ADDRESS_TEXT_SIZE];
	json_t *message;

	if (!request->refusal.status)
		parameters_read(&parameters, request, operation, &request->refusal);
	if (request->refusal.status)
		operation = operation_of_refused(request);
	client_address_format(&request->client, client);
	message = json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "op", operation, "token", request->token,
	                    "client", client, "ips", parameters.ips, "comment", parameters.comment);
	parameters_release(&parameters);
	return message;
}

static bool send_request(struct http_request *request, const char *method)
{
	request->pending.deadline_ns = now_monotonic_ns() + RESPONSE_NS;
	request->pending.client_key = client_address_key(&request->client);
	return !ipc_client_request(request->server->ipc, &request->pending,
	                           compose(request, method));
}

/* True: the response is complete. False: the worker was asked, and the connection is suspended. */
static bool dispatch(struct http_request *request, const char *method)
{
	struct tracked *tracked = tracked_connection(request->connection);
	bool is_health = request->route.endpoint == ENDPOINT_HEALTH;

	if (respond_without_token(request) ||
	    (is_health ? ping(request, method) : send_request(request, method)))
		return true;
	if (tracked)
		connections_begin_request(&request->server->connections, tracked);
	MHD_suspend_connection(request->connection);
	return false;
}

/* The response to a valid token whose request was refused for another reason. */
static void apply_refusal(struct http_request *request)
{
	struct ipc_quota quota = request->response.quota;

	if (request->response.status != IPC_OK || !request->refusal.status)
		return;
	ipc_response_release(&request->response);
	request->response = request->refusal;
	request->response.quota = quota;
}

static void complete(struct http_request *request)
{
	struct ipc_response *response = &request->response;

	apply_refusal(request);
	if (request->route.endpoint == ENDPOINT_HEALTH && response->status == IPC_OK)
		ipc_response_success(response, json_pack("{s:s}", "status", "ok"));
	if (!response->quota.known)
		response->quota = (struct ipc_quota){
			.limit = request->server->setup->rules.max_requests,
			.reset_unix_seconds = clock_unix_ns() / (__s64)SECOND_NS,
		};
}

static bool is_last(const struct http_request *request)
{
	const struct tracked *tracked = tracked_connection(request->connection);

	return request->server->draining || headers_are_ambiguous(&request->headers) || !tracked ||
	       now_monotonic_ns() - tracked->start_ns > CONNECTION_LAST_REPLY_NS;
}

static enum MHD_Result send_response(struct http_request *request)
{
	struct reply reply = {
		.response = &request->response,
		.allow = route_methods(request->route.endpoint),
		.quota = request->route.endpoint == ENDPOINT_PERMIT,
		.has_token = request->token,
		.last = is_last(request),
	};

	complete(request);
	return reply_send(request->connection, &reply);
}

static void take_body(struct http_request *request, const char *bytes, size_t length)
{
	if (length > REQUEST_MAX_BODY - request->body_length) {
		request->body_too_long = true;
		return;
	}
	if (!request->body)
		request->body = malloc(REQUEST_MAX_BODY);
	if (!request->body) {
		request->headers.out_of_memory = true;
		return;
	}
	memcpy(request->body + request->body_length, bytes, length);
	request->body_length += length;
}

enum MHD_Result request_handle(void *server, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_length, void **closure)
{
	struct http_request *request = *closure;

	(void)server, (void)connection, (void)url, (void)version;
	if (!request)
		return MHD_NO;
	if (request->response.status)
		return send_response(request);
	if (!request->begun) {
		begin(request);
		/* a body that announces too much is not read */
		if (!request->body_too_long && !headers_are_ambiguous(&request->headers))
			return MHD_YES;
	} else if (*upload_length) {
		request->body_received += *upload_length;
		/* read a little beyond the limit, so that the client gets the response */
		if (request->body_received > 16 * REQUEST_MAX_BODY)
			return MHD_NO;
		take_body(request, upload, *upload_length);
		*upload_length = 0;
		return MHD_YES;
	}
	return dispatch(request, method) ? send_response(request) : MHD_YES;
}
