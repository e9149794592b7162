// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <time.h>

#include "tests/tools/frames/frames.h"

static unsigned int index_of(const char *interface)
{
	unsigned int index = if_nametoindex(interface);

	if (!index)
		fail(1, "interface %s: %s", interface, strerror(errno));
	return index;
}

int open_socket(void)
{
	/* Protocol 0: no frame arrives before bind() names the interface. */
	int sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (sock < 0)
		fail(1, "cannot open a packet socket: %s%s", strerror(errno),
		     errno == EPERM ? " (requires CAP_NET_RAW; run as root)" : "");
	return sock;
}

void set_option(int sock, int level, int name, const void *value, socklen_t size, const char *what)
{
	if (setsockopt(sock, level, name, value, size))
		fail(1, "cannot %s: %s", what, strerror(errno));
}

void bind_to(int sock, const char *interface, uint16_t protocol)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = index_of(interface),
	};

	if (bind(sock, (struct sockaddr *)&address, sizeof(address)))
		fail(1, "cannot bind to %s: %s", interface, strerror(errno));
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

void sleep_until_ns(uint64_t when_ns)
{
	struct timespec when = {when_ns / SECOND_NS, when_ns % SECOND_NS};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}
