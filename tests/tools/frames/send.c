// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/tools/frames/frames.h"

#define BATCH       64
#define ALIGN_BYTES 2 /* before the 14 bytes of Ethernet, to align the IPv4 header */

struct batch {
	uint8_t frames[BATCH][ALIGN_BYTES + MAX_FRAME_BYTES + ALIGN_BYTES]
		__attribute__((aligned(4)));
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH];
};

/* Multiples of the golden ratio fill a range evenly, each as far as possible from those before;
 * hardly any of the first 2^32 repeats. */
static uint64_t scatter(uint64_t sequence)
{
	return sequence * 0x9E3779B97F4A7C15ULL >> 32;
}

static void write_source(struct batch *batch, int i, const struct options *options,
                         uint64_t sequence)
{
	uint64_t number = options->is_scattered ? scatter(sequence) : sequence;

	write_ipv4(batch->frames[i] + ALIGN_BYTES + link_bytes(options), options,
	           options->source + number % options->sources);
}

static void write_batch(struct batch *batch, const struct options *options, int sock)
{
	struct ifreq request = {};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", options->interface);
	if (ioctl(sock, SIOCGIFHWADDR, &request))
		fail(1, "interface %s: %s", options->interface, strerror(errno));
	for (int i = 0; i < BATCH; i++) {
		uint8_t *frame = batch->frames[i] + ALIGN_BYTES;

		write_link(frame, options, (uint8_t *)request.ifr_hwaddr.sa_data);
		write_source(batch, i, options, i);
		batch->parts[i] = (struct iovec){frame, options->frame_bytes};
		batch->messages[i].msg_hdr =
			(struct msghdr){.msg_iov = &batch->parts[i], .msg_iovlen = 1};
	}
}

/* Frames that the interface has dropped so far. veth drops a frame when its peer's ring is full,
 * and reports that nowhere else. */
static uint32_t dropped_by(const char *interface)
{
	struct ifaddrs *all, *at;
	uint32_t dropped = 0;

	if (getifaddrs(&all))
		fail(1, "cannot read the statistics of %s: %s", interface, strerror(errno));
	for (at = all; at; at = at->ifa_next)
		if (at->ifa_addr && at->ifa_addr->sa_family == AF_PACKET && at->ifa_data &&
		    !strcmp(at->ifa_name, interface))
			dropped = ((struct rtnl_link_stats *)at->ifa_data)->tx_dropped;
	freeifaddrs(all);
	return dropped;
}

/* The largest batch that keeps a burst below a millisecond's worth of frames. */
static uint32_t batch_limit(const struct options *options)
{
	uint64_t per_ms = options->rate / 1000;

	if (!options->rate || per_ms >= BATCH)
		return BATCH;
	return per_ms ? per_ms : 1;
}

/* Returns the number of frames accepted. */
static int send_batch(int sock, struct batch *batch, int frames, const char *interface)
{
	int sent = sendmmsg(sock, batch->messages, frames, 0);

	if (sent >= 0)
		return sent;
	/* ENOBUFS: the queue is full or the device is busy; the next attempt may succeed. */
	if (errno == ENOBUFS || errno == EAGAIN) {
		sched_yield();
		return 0;
	}
	if (errno == EINTR)
		return 0;
	fail(1, "cannot send through %s: %s%s", interface, strerror(errno),
	     errno == EMSGSIZE ? " (the frame is larger than its MTU)" : "");
}

static uint64_t send_all(int sock, struct batch *batch, const struct options *options)
{
	uint64_t wanted = options->count ? options->count : UINT64_MAX;
	uint64_t begin_ns = now_ns(), end_ns = begin_ns + options->seconds * SECOND_NS, sent = 0;
	uint32_t limit = batch_limit(options);

	while (sent < wanted && !interrupted && now_ns() < end_ns) {
		uint64_t frames = wanted - sent < limit ? wanted - sent : limit;

		if (options->rate) {
			uint64_t due_ns = sent * (double)SECOND_NS / options->rate;

			sleep_until_ns(begin_ns + due_ns < end_ns ? begin_ns + due_ns : end_ns);
		}
		if (options->sources > 1)
			for (uint64_t i = 0; i < frames; i++)
				write_source(batch, i, options, sent + i);
		sent += send_batch(sock, batch, frames, options->interface);
	}
	return sent;
}

static void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail(1, "cannot run on CPU %d: %s", cpu, strerror(errno));
}

int send_frames(int argc, char **argv)
{
	static const struct option known[] = {
		{"source", required_argument, NULL, 0},
		{"sources", required_argument, NULL, 0},
		{"scattered", no_argument, NULL, 0},
		{"count", required_argument, NULL, 0},
		{"seconds", required_argument, NULL, 0},
		{"rate", required_argument, NULL, 0},
		{"destination", required_argument, NULL, 0},
		{"destination-mac", required_argument, NULL, 0},
		{"vlan", required_argument, NULL, 0},
		{"proto", required_argument, NULL, 0},
		{"size", required_argument, NULL, 0},
		{"cpu", required_argument, NULL, 0},
		{},
	};
	static struct batch batch;
	struct options options;
	uint64_t sent;
	uint32_t dropped;
	int sock, yes = 1;

	parse_options(&options, argc, argv, known);
	if (!options.has_source)
		fail(2, "--source is required\n%s", usage);
	if (options.cpu >= 0)
		pin_to(options.cpu);
	sock = open_socket();
	set_option(sock, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes), "bypass the queue");
	bind_to(sock, options.interface, 0);
	write_batch(&batch, &options, sock);
	dropped = dropped_by(options.interface);
	sent = send_all(sock, &batch, &options);
	printf("%llu\n", (unsigned long long)sent - (dropped_by(options.interface) - dropped));
	close(sock);
	return 0;
}
