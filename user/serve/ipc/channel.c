// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/ipc/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/types.h>

#define READ_SIZE 65536

struct header {
	__u32 object_length, text_length;
};

static size_t held(const struct channel_buffer *buffer)
{
	return buffer->end - buffer->begin;
}

/* Room for `length` more bytes at the end. */
static int reserve(struct channel_buffer *buffer, size_t length)
{
	size_t size = buffer->size ? buffer->size : 4096;
	char *bytes;

	if (buffer->begin && buffer->begin == buffer->end)
		buffer->begin = buffer->end = 0;
	if (buffer->size - buffer->end >= length)
		return 0;
	if (buffer->begin) {
		memmove(buffer->bytes, buffer->bytes + buffer->begin, held(buffer));
		buffer->end = held(buffer);
		buffer->begin = 0;
	}
	while (size - buffer->end < length)
		size *= 2;
	bytes = malloc(size); /* realloc() could leave a copy behind */
	if (!bytes)
		return -ENOMEM;
	if (buffer->bytes) {
		memcpy(bytes, buffer->bytes, buffer->end);
		explicit_bzero(buffer->bytes, buffer->size);
	}
	free(buffer->bytes);
	buffer->bytes = bytes;
	buffer->size = size;
	return 0;
}

static void append(struct channel_buffer *buffer, const void *bytes, size_t length)
{
	if (length)
		memcpy(buffer->bytes + buffer->end, bytes, length);
	buffer->end += length;
}

static void release(struct channel_buffer *buffer)
{
	if (buffer->bytes)
		explicit_bzero(buffer->bytes, buffer->size);
	free(buffer->bytes);
	*buffer = (struct channel_buffer){};
}

/* Erases what has been consumed; frees a large buffer. */
static void wipe(struct channel_buffer *buffer)
{
	if (held(buffer))
		return;
	if (buffer->size > READ_SIZE)
		release(buffer);
	if (buffer->end)
		explicit_bzero(buffer->bytes, buffer->end);
	buffer->begin = buffer->end = 0;
}

void channel_wipe(struct channel *channel)
{
	wipe(&channel->in);
}

void channel_open(struct channel *channel, int fd, size_t max_message)
{
	*channel = (struct channel){.fd = fd, .max_message = max_message};
}

void channel_close(struct channel *channel)
{
	if (channel->fd >= 0)
		close(channel->fd);
	channel->fd = -1;
	release(&channel->in);
	release(&channel->out);
}

static int append_message(struct channel *channel, const char *object, const char *text,
                          size_t length)
{
	struct header header = {.object_length = strlen(object), .text_length = length};
	int error;

	/* a peer that does not read must not make this side grow without bound */
	if (header.object_length > CHANNEL_MAX_RESPONSE ||
	    length > CHANNEL_MAX_RESPONSE - header.object_length ||
	    held(&channel->out) > CHANNEL_MAX_RESPONSE)
		return -EMSGSIZE;
	error = reserve(&channel->out, sizeof(header) + header.object_length + length);
	if (error)
		return error;
	append(&channel->out, &header, sizeof(header));
	append(&channel->out, object, header.object_length);
	append(&channel->out, text, length);
	return 0;
}

int channel_send(struct channel *channel, json_t *object, const char *text, size_t length)
{
	char *dump = object ? json_dumps(object, JSON_COMPACT) : NULL;
	int error = dump ? append_message(channel, dump, text, length) : -ENOMEM;

	if (dump)
		explicit_bzero(dump, strlen(dump));
	free(dump);
	json_decref(object);
	return error ? error : channel_flush(channel);
}

int channel_flush(struct channel *channel)
{
	struct channel_buffer *out = &channel->out;

	while (held(out)) {
		ssize_t sent = send(channel->fd, out->bytes + out->begin, held(out),
		                    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		out->begin += sent;
	}
	wipe(out);
	return 0;
}

bool channel_has_unsent(const struct channel *channel)
{
	return held(&channel->out);
}

int channel_receive(struct channel *channel)
{
	ssize_t length;

	/* stop at one whole message, so that the buffer has a bound */
	while (held(&channel->in) < sizeof(struct header) + channel->max_message) {
		int error = reserve(&channel->in, READ_SIZE);

		if (error)
			return error;
		length = recv(channel->fd, channel->in.bytes + channel->in.end, READ_SIZE,
		              MSG_DONTWAIT);
		if (length < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (!length)
			return -EPIPE;
		channel->in.end += length;
	}
	return 0;
}

int channel_next(struct channel *channel, json_t **object, const char **text, size_t *length)
{
	struct channel_buffer *in = &channel->in;
	struct header header;
	const char *bytes;

	if (held(in) < sizeof(header))
		return 0;
	memcpy(&header, in->bytes + in->begin, sizeof(header));
	if (header.object_length > channel->max_message ||
	    header.text_length > channel->max_message - header.object_length)
		return -EPROTO;
	if (held(in) - sizeof(header) < (size_t)header.object_length + header.text_length)
		return 0;
	bytes = in->bytes + in->begin + sizeof(header);
	*object = json_loadb(bytes, header.object_length, JSON_REJECT_DUPLICATES, NULL);
	if (!*object)
		return -EPROTO;
	*text = bytes + header.object_length;
	*length = header.text_length;
	in->begin += sizeof(header) + header.object_length + header.text_length;
	return 1;
}
