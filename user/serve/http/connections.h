/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <linux/types.h>

/* The open connections of one listener: which of them must go, so that there is always room
 * for another. To let one go its socket is shut down; the HTTP library then closes it. */

#define CONNECTION_LIFE_NS       60000000000ULL
#define CONNECTION_LAST_REPLY_NS 30000000000ULL /* a reply after that says it was the last */
#define CONNECTION_CHAINS        1024

struct tracked {
	TAILQ_ENTRY(tracked) by_start;
	TAILQ_ENTRY(tracked) by_idle;
	LIST_ENTRY(tracked) by_key;
	struct in6_addr key;
	__u64 start_ns;
	__u64 idle_since_ns;
	int fd;
	bool idle;   /* no request has arrived as a whole */
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
	int shut; /* of them */
};

void connections_init(struct connections *connections, int limit, __u32 seed);

/* How many there are from where, but counts no further than `most`. */
int connections_count_from(const struct connections *connections, const struct in6_addr *key,
                           int most);

/* Makes room when there is little left. NULL: no memory. */
struct tracked *connections_add(struct connections *connections, int fd, const struct in6_addr *key,
                                __u64 now_ns);
void connections_remove(struct connections *connections, struct tracked *tracked);

void connections_begin_request(struct connections *connections, struct tracked *tracked);
void connections_end_request(struct connections *connections, struct tracked *tracked,
                             __u64 now_ns);

/* Shuts those that have lived long enough. */
void connections_shut_old(struct connections *connections, __u64 now_ns);

/* Shuts those that were served and have been idle since before then. */
void connections_shut_idle(struct connections *connections, __u64 before_ns);
