// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/supervisor/queue.h"

bool queue_add(struct queue *queue, __u32 frontend, json_t *json)
{
	unsigned int last = (queue->first + queue->count) % QUEUE_MAX;

	if (queue->count == QUEUE_MAX)
		return false;
	queue->ring[last] = (struct ipc_request){frontend, json};
	queue->count++;
	return true;
}

bool queue_take(struct queue *queue, struct ipc_request *request)
{
	if (!queue->count)
		return false;
	*request = queue->ring[queue->first];
	queue->first = (queue->first + 1) % QUEUE_MAX;
	queue->count--;
	return true;
}
