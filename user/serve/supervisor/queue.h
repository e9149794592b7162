/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <jansson.h>
#include <linux/types.h>

/* Requests of the frontends that the worker has not begun, in order. */

#define QUEUE_MAX 1024

struct ipc_request {
	__u32 frontend; /* serial of the frontend */
	json_t *json;
};

struct queue {
	struct ipc_request ring[QUEUE_MAX];
	unsigned int first, count;
};

/* Takes ownership of `json` if there is room; otherwise false. */
bool queue_add(struct queue *queue, __u32 frontend, json_t *json);

/* The caller releases request->json. */
bool queue_take(struct queue *queue, struct ipc_request *request);
