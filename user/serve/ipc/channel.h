/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

/* Messages between supervisor and children over a nonblocking socket. A message is a JSON object,
 * followed by text that is passed on unread (the body of a response):
 *
 *     length of the object | length of the text | object | text
 *
 * Both lengths have 32 bits in host byte order. Neither side trusts the other's lengths. */

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
/* Erases everything that was read: requests carry tokens, and a process forked later would inherit
 * this memory. Call it after the last message. */
void channel_wipe(struct channel *channel);

void channel_close(struct channel *channel);

/* Takes ownership of `object`. What the socket does not accept now is kept for channel_flush().
 * 0 or -errno; -EMSGSIZE if more is unsent than the peer could use. */
int channel_send(struct channel *channel, json_t *object, const char *text, size_t length);
int channel_flush(struct channel *channel);
bool channel_has_unsent(const struct channel *channel);

/* Reads what has arrived. 0, -EPIPE if the peer has closed the channel, or another -errno. */
int channel_receive(struct channel *channel);

/* 1: the next message, whose text is valid until the next call; 0: none yet; -EPROTO: malformed.
 * The caller releases *object. */
int channel_next(struct channel *channel, json_t **object, const char **text, size_t *length);
