/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <linux/types.h>

#include "user/serve/ipc/response.h"
#include "user/serve/ipc/channel.h"

/* What the front has asked, by way of the supervisor, and who waits for it. */

#define IPC_MAX_PENDING            256
#define IPC_MAX_PENDING_PER_CLIENT 64            /* so that nobody fills all of it alone */
#define IPC_DELAY_NS               1000000000ULL /* where too many wrong tokens come from */

/* Somebody who waits. */
struct pending {
	TAILQ_ENTRY(pending) entry;
	bool is_queued;
	bool delayed;
	bool ping; /* whether the service is well: one answer is for all who wait for that */
	json_int_t id;
	__u64 deadline_ns;
	struct in6_addr client_key;
	struct ipc_response *response;
	void (*on_response)(struct pending *pending); /* answer is filled in */
};

TAILQ_HEAD(pending_queue, pending);

struct ipc_client {
	struct channel channel;
	struct pending_queue requests, pings;
	struct pending_queue delayed; /* answered already: the answers are held back for a while */
	int pending_count;
	bool ping_in_flight;
	json_int_t last_id;
	bool drain; /* the supervisor has said so */
	int drain_seconds;
};

void ipc_client_open(struct ipc_client *ipc, int fd);

/* Takes `question` over and completes it. When too much waits already, it isn't asked: false, and
 * the answer says so. */
bool ipc_client_request(struct ipc_client *ipc, struct pending *pending, json_t *request);

/* Whether the service is well. */
void ipc_client_ping(struct ipc_client *ipc, struct pending *pending);

/* For whoever doesn't wait any more. */
void ipc_client_cancel(struct ipc_client *ipc, struct pending *pending);

/* Hands over what the supervisor has sent. 0 or -errno: without it there is no front. */
int ipc_client_receive(struct ipc_client *ipc);

/* Nobody waits longer than he said. */
void ipc_client_run_timers(struct ipc_client *ipc, __u64 now_ns);

bool ipc_client_has_pending(const struct ipc_client *ipc);
