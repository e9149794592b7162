// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/http/connections.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void connections_init(struct connections *connections, int limit, __u32 seed)
{
	memset(connections, 0, sizeof(*connections));
	TAILQ_INIT(&connections->by_start);
	TAILQ_INIT(&connections->by_idle);
	connections->limit = limit;
	connections->seed = seed;
}

static struct tracked_chain *chain_of(const struct connections *connections,
                                      const struct in6_addr *key)
{
	__u32 hash = connections->seed;

	for (size_t i = 0; i < sizeof(key->s6_addr); i++)
		hash = (hash ^ key->s6_addr[i]) * 0x01000193;
	hash ^= hash >> 16;
	return (struct tracked_chain *)&connections->chains[hash % CONNECTION_CHAINS];
}

int connections_count_from(const struct connections *connections, const struct in6_addr *key,
                           int most)
{
	const struct tracked *tracked;
	int count = 0;

	LIST_FOREACH(tracked, chain_of(connections, key), by_key)
	if (!memcmp(&tracked->key, key, sizeof(*key)) && ++count >= most)
		break;
	return count;
}

static void become_idle(struct connections *connections, struct tracked *tracked, __u64 now_ns)
{
	tracked->idle = true;
	tracked->idle_since_ns = now_ns;
	TAILQ_INSERT_TAIL(&connections->by_idle, tracked, by_idle);
}

static void become_busy(struct connections *connections, struct tracked *tracked)
{
	if (!tracked->idle)
		return;
	tracked->idle = false;
	TAILQ_REMOVE(&connections->by_idle, tracked, by_idle);
}

/* Removes it from the idle queue, so that it is not shut down again. */
static void shut_down(struct connections *connections, struct tracked *tracked)
{
	if (tracked->shut)
		return;
	become_busy(connections, tracked);
	tracked->shut = true;
	connections->shut++;
	shutdown(tracked->fd, SHUT_RDWR);
}

/* Above 90 percent of the limit, closes the connection that has been idle for longest. */
static void make_room(struct connections *connections)
{
	int most = connections->limit - connections->limit / 10;

	while (connections->count - connections->shut > most && !TAILQ_EMPTY(&connections->by_idle))
		shut_down(connections, TAILQ_FIRST(&connections->by_idle));
}

struct tracked *connections_add(struct connections *connections, int fd, const struct in6_addr *key,
                                __u64 now_ns)
{
	struct tracked *tracked = calloc(1, sizeof(*tracked));

	if (!tracked)
		return NULL;
	tracked->fd = fd;
	tracked->key = *key;
	tracked->start_ns = now_ns;
	TAILQ_INSERT_TAIL(&connections->by_start, tracked, by_start);
	LIST_INSERT_HEAD(chain_of(connections, key), tracked, by_key);
	connections->count++;
	make_room(connections); /* never this one: it has just arrived */
	become_idle(connections, tracked, now_ns);
	return tracked;
}

void connections_remove(struct connections *connections, struct tracked *tracked)
{
	become_busy(connections, tracked);
	TAILQ_REMOVE(&connections->by_start, tracked, by_start);
	LIST_REMOVE(tracked, by_key);
	connections->count--;
	connections->shut -= tracked->shut;
	free(tracked);
}

void connections_begin_request(struct connections *connections, struct tracked *tracked)
{
	become_busy(connections, tracked);
}

void connections_end_request(struct connections *connections, struct tracked *tracked, __u64 now_ns)
{
	if (tracked->shut || tracked->idle)
		return;
	tracked->served = true;
	become_idle(connections, tracked, now_ns);
}

void connections_shut_old(struct connections *connections, __u64 now_ns)
{
	struct tracked *tracked;

	TAILQ_FOREACH(tracked, &connections->by_start, by_start)
	{
		if (tracked->start_ns + CONNECTION_LIFE_NS > now_ns)
			break;
		shut_down(connections, tracked);
	}
}

void connections_shut_idle(struct connections *connections, __u64 before_ns)
{
	struct tracked *tracked = TAILQ_FIRST(&connections->by_idle);

	while (tracked && tracked->idle_since_ns < before_ns) {
		struct tracked *next = TAILQ_NEXT(tracked, by_idle);

		if (tracked->served)
			shut_down(connections, tracked);
		tracked = next;
	}
}
