// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/supervisor/queue.h"

bool questions_add(struct questions *questions, __u32 front, json_t *json)
{
	unsigned int last = (questions->first + questions->count) % QUESTIONS_MAX;

	if (questions->count == QUESTIONS_MAX)
		return false;
	questions->ring[last] = (struct question){front, json};
	questions->count++;
	return true;
}

bool questions_take(struct questions *questions, struct question *question)
{
	if (!questions->count)
		return false;
	*question = questions->ring[questions->first];
	questions->first = (questions->first + 1) % QUESTIONS_MAX;
	questions->count--;
	return true;
}
