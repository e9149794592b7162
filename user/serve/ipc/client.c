// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/ipc/client.h"

#include <string.h>

#include "user/serve/worker/worker.h"
#include "user/serve/now.h"

#define PING_ID 0 /* and questions count from 1 */

void asker_open(struct asker *asker, int fd)
{
	*asker = (struct asker){};
	channel_open(&asker->channel, fd, CHANNEL_MAX_ANSWER);
	TAILQ_INIT(&asker->questions);
	TAILQ_INIT(&asker->pings);
	TAILQ_INIT(&asker->late);
}

static struct asked_queue *queue_of(struct asker *asker, const struct asked *asked)
{
	if (asked->late)
		return &asker->late;
	return asked->ping ? &asker->pings : &asker->questions;
}

static void begin_to_wait(struct asker *asker, struct asked *asked)
{
	TAILQ_INSERT_TAIL(queue_of(asker, asked), asked, entry);
	asked->waits = true;
	asker->question_count += !asked->ping;
}

void asker_forget(struct asker *asker, struct asked *asked)
{
	if (!asked->waits)
		return;
	TAILQ_REMOVE(queue_of(asker, asked), asked, entry);
	asked->waits = false;
	asker->question_count -= !asked->ping;
}

static bool is_full(const struct asker *asker, const struct asked *asked)
{
	const struct asked *other;
	int from_one = 0;

	if (asker->question_count >= ASK_MAX_WAITING)
		return true;
	TAILQ_FOREACH(other, &asker->questions, entry)
	from_one += !memcmp(&other->from, &asked->from, sizeof(asked->from));
	return from_one >= ASK_MAX_FROM_ONE;
}

bool asker_ask(struct asker *asker, struct asked *asked, json_t *question)
{
	asked->id = ++asker->last_id;
	if (!question || is_full(asker, asked) ||
	    json_object_set_new(question, "id", json_integer(asked->id)) ||
	    json_object_set_new(question, "deadline_ns", json_integer(asked->deadline_ns))) {
		json_decref(question);
		answer_unavailable(asked->answer);
		return false;
	}
	begin_to_wait(asker, asked);
	/* a failure shows when the answer is read: then the supervisor has gone */
	channel_send(&asker->channel, question, NULL, 0);
	return true;
}

void asker_ping(struct asker *asker, struct asked *asked)
{
	asked->ping = true;
	begin_to_wait(asker, asked);
	if (asker->ping_is_out)
		return;
	asker->ping_is_out = true;
	channel_send(&asker->channel, json_pack("{s:i, s:s}", "id", PING_ID, "op", OP_PING), NULL,
	             0);
}

static void deliver(struct asker *asker, struct asked *asked)
{
	asker_forget(asker, asked);
	asked->arrived(asked);
}

/* Who guesses tokens is slowed, and keeps his place in the meantime. */
static void hold_back(struct asker *asker, struct asked *asked)
{
	TAILQ_REMOVE(&asker->questions, asked, entry);
	asked->late = true;
	asked->deadline_ns = now_monotonic_ns() + ASK_LATE_NS;
	TAILQ_INSERT_TAIL(&asker->late, asked, entry);
}

static struct asked *find(struct asker *asker, json_int_t id)
{
	struct asked *asked;

	TAILQ_FOREACH(asked, &asker->questions, entry)
	if (asked->id == id)
		return asked;
	return NULL;
}

static void answer_pings(struct asker *asker, const json_t *message)
{
	bool well = json_integer_value(json_object_get(message, "status")) == HTTP_OK;
	struct asked *asked;

	asker->ping_is_out = false;
	while ((asked = TAILQ_FIRST(&asker->pings))) {
		if (well)
			asked->answer->status = HTTP_OK;
		else
			answer_unavailable(asked->answer);
		deliver(asker, asked);
	}
}

static void take_message(struct asker *asker, const json_t *message, const char *body,
                         size_t length)
{
	const char *op = json_string_value(json_object_get(message, "op"));
	json_int_t id = json_integer_value(json_object_get(message, "id"));
	struct asked *asked;

	if (op && !strcmp(op, OP_RETIRE)) {
		asker->retire = true;
		asker->retire_seconds = json_integer_value(json_object_get(message, "seconds"));
		return;
	}
	if (id == PING_ID) {
		answer_pings(asker, message);
		return;
	}
	asked = find(asker, id);
	if (!asked) /* it took too long, or its client has gone */
		return;
	if (!answer_from_json(asked->answer, message, body, length))
		answer_unavailable(asked->answer);
	if (asked->answer->code)
		hold_back(asker, asked);
	else
		deliver(asker, asked);
}

int asker_hear(struct asker *asker)
{
	int error = channel_receive(&asker->channel), found;
	json_t *message;
	const char *body;
	size_t length;

	while ((found = channel_next(&asker->channel, &message, &body, &length)) > 0) {
		take_message(asker, message, body, length);
		json_decref(message);
	}
	return error ? error : found;
}

/* They wait equally long, so that the first is the first. */
static void time_out(struct asker *asker, struct asked_queue *queue, __u64 now_ns)
{
	struct asked *asked;

	while ((asked = TAILQ_FIRST(queue)) && asked->deadline_ns <= now_ns) {
		if (!asked->late)
			answer_unavailable(asked->answer);
		deliver(asker, asked);
	}
}

void asker_time_out(struct asker *asker, __u64 now_ns)
{
	time_out(asker, &asker->questions, now_ns);
	time_out(asker, &asker->pings, now_ns);
	time_out(asker, &asker->late, now_ns);
}

bool asker_waits(const struct asker *asker)
{
	return !TAILQ_EMPTY(&asker->questions) || !TAILQ_EMPTY(&asker->pings) ||
	       !TAILQ_EMPTY(&asker->late);
}
