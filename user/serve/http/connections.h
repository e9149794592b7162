/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <linux/types.h>

/* The open connections of one listener, and which of them to close so that there is always room for
 * another. Closing shuts down the socket; the HTTP library then closes it. */

#define CONNECTION_LIFE_NS       60000000000ULL
#define CONNECTION_LAST_REPLY_NS 30000000000ULL /* a later reply closes the connection */
#define CONNECTION_CHAINS        1024

struct tracked {
	TAILQ_ENTRY(tracked) by_start;
	TAILQ_ENTRY(tracked) by_idle;
	LIST_ENTRY(tracked) by_key;
	struct in6_addr key;
	__u64 start_ns;
	__u64 idle_since_ns;
	int fd;
	bool idle;   /* no complete request has arrived */
	bool served; /* at least one was answered */
	bool shut;
};

TAILQ_HEAD(tracked_queue, tracked);
LIST_HEAD(tracked_chain, tracked);

struct connections {
	struct tracked_queue by_start; /* the oldest first */
	struct tracked_queue by_idle;  /* the longest idle first */
	struct tracked_chain chains[CONNECTION_CHAINS];
	__u32 seed;
	int limit;
	int count;
	int shut; /* number of connections shut down */
};

void connections_init(struct connections *connections, int limit, __u32 seed);

/* The number of connections of this client, counted up to `most`. */
int connections_count_from(const struct connections *connections, const struct in6_addr *key,
                           int most);

/* Makes room if little is left. NULL: out of memory. */
struct tracked *connections_add(struct connections *connections, int fd, const struct in6_addr *key,
                                __u64 now_ns);
void connections_remove(struct connections *connections, struct tracked *tracked);

void connections_begin_request(struct connections *connections, struct tracked *tracked);
void connections_end_request(struct connections *connections, struct tracked *tracked,
                             __u64 now_ns);

/* Shuts down connections that have reached their maximum age. */
void connections_shut_old(struct connections *connections, __u64 now_ns);

/* Shuts down served connections that have been idle since before that time. */
void connections_shut_idle(struct connections *connections, __u64 before_ns);
