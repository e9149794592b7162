/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <jansson.h>
#include <linux/types.h>

/* What fronts have asked and the keeper has not come to yet, in order. */

#define QUEUE_MAX 1024

struct ipc_request {
	__u32 frontend; /* its serial */
	json_t *json;
};

struct queue {
	struct ipc_request ring[QUEUE_MAX];
	unsigned int first, count;
};

/* Takes `json` over if there is room; false otherwise. */
bool queue_add(struct queue *queue, __u32 frontend, json_t *json);

/* The caller releases question->json. */
bool queue_take(struct queue *queue, struct ipc_request *request);
