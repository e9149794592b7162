/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <linux/types.h>

#include "user/serve/ipc/response.h"
#include "user/serve/ipc/channel.h"

/* Requests of a frontend to the worker, relayed by the supervisor, that are pending. */

#define IPC_MAX_PENDING            256
#define IPC_MAX_PENDING_PER_CLIENT 64            /* no client may fill the queue alone */
#define IPC_DELAY_NS               1000000000ULL /* for addresses with too many wrong tokens */

/* A pending request. */
struct pending {
	TAILQ_ENTRY(pending) entry;
	bool is_queued;
	bool delayed;
	bool ping; /* a health check: one response answers all pending ones */
	json_int_t id;
	__u64 deadline_ns;
	struct in6_addr client_key;
	struct ipc_response *response;
	void (*on_response)(struct pending *pending); /* `response` is filled in */
};

TAILQ_HEAD(pending_queue, pending);

struct ipc_client {
	struct channel channel;
	struct pending_queue requests, pings;
	struct pending_queue delayed; /* answered; the responses are held back */
	int pending_count;
	bool ping_in_flight;
	json_int_t last_id;
	bool drain; /* requested by the supervisor */
	int drain_seconds;
};

void ipc_client_open(struct ipc_client *ipc, int fd);

/* Takes ownership of `request` and completes it. False if too many requests are pending already:
 * nothing is sent, and the response says so. */
bool ipc_client_request(struct ipc_client *ipc, struct pending *pending, json_t *request);

/* Asks whether the service is healthy. */
void ipc_client_ping(struct ipc_client *ipc, struct pending *pending);

/* Forgets a request whose client has gone. */
void ipc_client_cancel(struct ipc_client *ipc, struct pending *pending);

/* Receives what the supervisor has sent. 0 or -errno; without supervisor the frontend ends. */
int ipc_client_receive(struct ipc_client *ipc);

/* Times out pending requests whose deadline has passed. */
void ipc_client_run_timers(struct ipc_client *ipc, __u64 now_ns);

bool ipc_client_has_pending(const struct ipc_client *ipc);
