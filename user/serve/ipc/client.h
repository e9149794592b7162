/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <linux/types.h>

#include "user/serve/ipc/response.h"
#include "user/serve/ipc/channel.h"

/* What the front has asked, by way of the supervisor, and who waits for it. */

#define ASK_MAX_WAITING  256
#define ASK_MAX_FROM_ONE 64            /* so that nobody fills all of it alone */
#define ASK_LATE_NS      1000000000ULL /* where too many wrong tokens come from */

/* Somebody who waits. */
struct asked {
	TAILQ_ENTRY(asked) entry;
	bool waits;
	bool late;
	bool ping; /* whether the service is well: one answer is for all who wait for that */
	json_int_t id;
	__u64 deadline_ns;
	struct in6_addr from;
	struct answer *answer;
	void (*arrived)(struct asked *asked); /* answer is filled in */
};

TAILQ_HEAD(asked_queue, asked);

struct asker {
	struct channel channel;
	struct asked_queue questions, pings;
	struct asked_queue late; /* answered already: the answers are held back for a while */
	int question_count;
	bool ping_is_out;
	json_int_t last_id;
	bool retire; /* the supervisor has said so */
	int retire_seconds;
};

void asker_open(struct asker *asker, int fd);

/* Takes `question` over and completes it. When too much waits already, it isn't asked: false, and
 * the answer says so. */
bool asker_ask(struct asker *asker, struct asked *asked, json_t *question);

/* Whether the service is well. */
void asker_ping(struct asker *asker, struct asked *asked);

/* For whoever doesn't wait any more. */
void asker_forget(struct asker *asker, struct asked *asked);

/* Hands over what the supervisor has sent. 0 or -errno: without it there is no front. */
int asker_hear(struct asker *asker);

/* Nobody waits longer than he said. */
void asker_time_out(struct asker *asker, __u64 now_ns);

bool asker_waits(const struct asker *asker);
