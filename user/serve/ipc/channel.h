/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

/* Messages between keeper and front, over a socket that never blocks. A message is a JSON
 * object, and behind it text that is only passed on (the body of an answer):
 *
 *     length of the object | length of the text | object | text
 *
 * both lengths 32 bits in the machine's order. Neither side trusts the other's lengths. */

struct channel_buffer {
	char *bytes;
	size_t begin, end, size;
};

struct channel {
	int fd; /* -1: closed */
	size_t max_message;
	struct channel_buffer in, out;
};

#define CHANNEL_MAX_REQUEST  65536
#define CHANNEL_MAX_RESPONSE (64 << 20)

void channel_open(struct channel *channel, int fd, size_t max_message);
/* Leaves nothing of what was read in memory, where the next process to be forked would have it:
 * questions carry tokens. Call it when the messages are done with. */
void channel_wipe(struct channel *channel);

void channel_close(struct channel *channel);

/* Takes `object` over. What the socket doesn't take now stays until channel_flush. 0 or
 * -errno; -EMSGSIZE when more waits than the other side can have use for. */
int channel_send(struct channel *channel, json_t *object, const char *text, size_t length);
int channel_flush(struct channel *channel);
bool channel_has_unsent(const struct channel *channel);

/* Reads what has come. 0, -EPIPE when the other side has gone, or another -errno. */
int channel_receive(struct channel *channel);

/* 1: the next message, whose text is good until the next call; 0: none yet; -EPROTO: that is
 * no message. The caller releases *object. */
int channel_next(struct channel *channel, json_t **object, const char **text, size_t *length);
