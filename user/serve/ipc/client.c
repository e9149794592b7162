// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/ipc/client.h"

#include <string.h>

#include "user/serve/ipc/protocol.h"
#include "user/serve/now.h"

#define PING_ID 0 /* requests count from 1 */

void ipc_client_open(struct ipc_client *ipc, int fd)
{
	*ipc = (struct ipc_client){};
	channel_open(&ipc->channel, fd, CHANNEL_MAX_RESPONSE);
	TAILQ_INIT(&ipc->requests);
	TAILQ_INIT(&ipc->pings);
	TAILQ_INIT(&ipc->delayed);
}

static struct pending_queue *queue_of(struct ipc_client *ipc, const struct pending *pending)
{
	if (pending->delayed)
		return &ipc->delayed;
	return pending->ping ? &ipc->pings : &ipc->requests;
}

static void enqueue(struct ipc_client *ipc, struct pending *pending)
{
	TAILQ_INSERT_TAIL(queue_of(ipc, pending), pending, entry);
	pending->is_queued = true;
	ipc->pending_count += !pending->ping;
}

void ipc_client_cancel(struct ipc_client *ipc, struct pending *pending)
{
	if (!pending->is_queued)
		return;
	TAILQ_REMOVE(queue_of(ipc, pending), pending, entry);
	pending->is_queued = false;
	ipc->pending_count -= !pending->ping;
}

static bool is_full(const struct ipc_client *ipc, const struct pending *pending)
{
	const struct pending *other;
	int from_client = 0;

	if (ipc->pending_count >= IPC_MAX_PENDING)
		return true;
	TAILQ_FOREACH(other, &ipc->requests, entry)
	from_client +=
		!memcmp(&other->client_key, &pending->client_key, sizeof(pending->client_key));
	return from_client >= IPC_MAX_PENDING_PER_CLIENT;
}

bool ipc_client_request(struct ipc_client *ipc, struct pending *pending, json_t *request)
{
	pending->id = ++ipc->last_id;
	if (!request || is_full(ipc, pending) ||
	    json_object_set_new(request, "id", json_integer(pending->id)) ||
	    json_object_set_new(request, "deadline_ns", json_integer(pending->deadline_ns))) {
		json_decref(request);
		ipc_response_unavailable(pending->response);
		return false;
	}
	enqueue(ipc, pending);
	/* a failure means that the supervisor has gone, which the next read reports */
	channel_send(&ipc->channel, request, NULL, 0);
	return true;
}

void ipc_client_ping(struct ipc_client *ipc, struct pending *pending)
{
	pending->ping = true;
	enqueue(ipc, pending);
	if (ipc->ping_in_flight)
		return;
	ipc->ping_in_flight = true;
	channel_send(&ipc->channel, json_pack("{s:i, s:s}", "id", PING_ID, "op", OP_PING), NULL, 0);
}

static void deliver(struct ipc_client *ipc, struct pending *pending)
{
	ipc_client_cancel(ipc, pending);
	pending->on_response(pending);
}

/* Responses to wrong tokens are delayed; their clients keep their places meanwhile. */
static void delay(struct ipc_client *ipc, struct pending *pending)
{
	TAILQ_REMOVE(&ipc->requests, pending, entry);
	pending->delayed = true;
	pending->deadline_ns = now_monotonic_ns() + IPC_DELAY_NS;
	TAILQ_INSERT_TAIL(&ipc->delayed, pending, entry);
}

static struct pending *find(struct ipc_client *ipc, json_int_t id)
{
	struct pending *pending;

	TAILQ_FOREACH(pending, &ipc->requests, entry)
	if (pending->id == id)
		return pending;
	return NULL;
}

static void respond_to_pings(struct ipc_client *ipc, const json_t *message)
{
	bool well = json_integer_value(json_object_get(message, "status")) == IPC_OK;
	struct pending *pending;

	ipc->ping_in_flight = false;
	while ((pending = TAILQ_FIRST(&ipc->pings))) {
		if (well)
			pending->response->status = IPC_OK;
		else
			ipc_response_unavailable(pending->response);
		deliver(ipc, pending);
	}
}

static void take_message(struct ipc_client *ipc, const json_t *message, const char *body,
                         size_t length)
{
	const char *op = json_string_value(json_object_get(message, "op"));
	json_int_t id = json_integer_value(json_object_get(message, "id"));
	struct pending *pending;

	if (op && !strcmp(op, OP_DRAIN)) {
		ipc->drain = true;
		ipc->drain_seconds = json_integer_value(json_object_get(message, "seconds"));
		return;
	}
	if (id == PING_ID) {
		respond_to_pings(ipc, message);
		return;
	}
	pending = find(ipc, id);
	if (!pending) /* it timed out, or its client has gone */
		return;
	if (!ipc_response_from_json(pending->response, message, body, length))
		ipc_response_unavailable(pending->response);
	if (pending->response->status == IPC_AUTH_THROTTLED)
		delay(ipc, pending);
	else
		deliver(ipc, pending);
}

int ipc_client_receive(struct ipc_client *ipc)
{
	int error = channel_receive(&ipc->channel), found;
	json_t *message;
	const char *body;
	size_t length;

	while ((found = channel_next(&ipc->channel, &message, &body, &length)) > 0) {
		take_message(ipc, message, body, length);
		json_decref(message);
	}
	return error ? error : found;
}

/* All delays are equal, so the first in the queue is due first. */
static void time_out(struct ipc_client *ipc, struct pending_queue *queue, __u64 now_ns)
{
	struct pending *pending;

	while ((pending = TAILQ_FIRST(queue)) && pending->deadline_ns <= now_ns) {
		if (!pending->delayed)
			ipc_response_unavailable(pending->response);
		deliver(ipc, pending);
	}
}

void ipc_client_run_timers(struct ipc_client *ipc, __u64 now_ns)
{
	time_out(ipc, &ipc->requests, now_ns);
	time_out(ipc, &ipc->pings, now_ns);
	time_out(ipc, &ipc->delayed, now_ns);
}

bool ipc_client_has_pending(const struct ipc_client *ipc)
{
	return !TAILQ_EMPTY(&ipc->requests) || !TAILQ_EMPTY(&ipc->pings) ||
	       !TAILQ_EMPTY(&ipc->delayed);
}
