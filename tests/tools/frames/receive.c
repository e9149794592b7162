// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/tools/frames/frames.h"

#define POLL_NS 2000000

/* Counts without receiving. The kernel counts the frames that pass a socket's filter even when the
 * socket's buffer is full, so no frame is lost at any rate. The filter therefore accepts only the
 * frames to count. */

struct filter {
	struct sock_filter code[64];
	int length;
};

static void emit(struct filter *filter, uint16_t code, uint32_t value)
{
	filter->code[filter->length++] = (struct sock_filter){.code = code, .k = value};
}

static void emit_jump(struct filter *filter, uint32_t value, uint8_t if_equal, uint8_t if_not)
{
	filter->code[filter->length++] =
		(struct sock_filter){BPF_JMP | BPF_JEQ | BPF_K, if_equal, if_not, value};
}

/* Continues if the register holds `value`; otherwise ends without a match. */
static void require(struct filter *filter, uint32_t value)
{
	emit_jump(filter, value, 1, 0);
	emit(filter, BPF_RET | BPF_K, 0);
}

/* Moves X past a tag still in the frame; the kernel removes only the outermost. */
static void skip_tag(struct filter *filter)
{
	emit(filter, BPF_LD | BPF_H | BPF_IND, 2 * ETH_ALEN);
	emit_jump(filter, ETH_P_8021Q, 1, 0);
	emit_jump(filter, ETH_P_8021AD, 0, 3);
	emit(filter, BPF_MISC | BPF_TXA, 0);
	emit(filter, BPF_ALU | BPF_ADD | BPF_K, TAG_BYTES);
	emit(filter, BPF_MISC | BPF_TAX, 0);
}

static void write_filter(struct filter *filter, const struct options *options)
{
	const uint8_t *mac = options->destination_mac;

	filter->length = 0;
	if (options->has_destination_mac) {
		emit(filter, BPF_LD | BPF_W | BPF_ABS, 0);
		require(filter, (uint32_t)mac[0] << 24 | mac[1] << 16 | mac[2] << 8 | mac[3]);
		emit(filter, BPF_LD | BPF_H | BPF_ABS, 4);
		require(filter, mac[4] << 8 | mac[5]);
	}
	emit(filter, BPF_LDX | BPF_W | BPF_IMM, 0);
	for (int i = 0; i < MAX_TAGS; i++)
		skip_tag(filter);
	emit(filter, BPF_LD | BPF_H | BPF_IND, 2 * ETH_ALEN);
	require(filter, ETH_P_IP);
	if (options->has_source) {
		emit(filter, BPF_LD | BPF_W | BPF_IND, ETH_HLEN + offsetof(struct iphdr, saddr));
		require(filter, options->source);
	}
	emit(filter, BPF_RET | BPF_K, 1);
}

/* Frames since the last call. */
static uint64_t counted(int sock)
{
	struct tpacket_stats stats;
	socklen_t size = sizeof(stats);

	if (getsockopt(sock, SOL_PACKET, PACKET_STATISTICS, &stats, &size))
		fail(1, "cannot read the socket's statistics: %s", strerror(errno));
	return stats.tp_packets;
}

int receive_frames(int argc, char **argv)
{
	static const struct option known[] = {
		{"source", required_argument, NULL, 0},
		{"destination-mac", required_argument, NULL, 0},
		{"seconds", required_argument, NULL, 0},
		{"count", required_argument, NULL, 0},
		{},
	};
	struct options options;
	struct filter filter;
	struct sock_fprog program;
	uint64_t end_ns, received = 0;
	int sock, yes = 1;

	parse_options(&options, argc, argv, known);
	write_filter(&filter, &options);
	program = (struct sock_fprog){filter.length, filter.code};
	sock = open_socket();
	set_option(sock, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program), "set the filter");
	set_option(sock, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes),
	           "ignore outgoing frames");
	bind_to(sock, options.interface, ETH_P_ALL);
	fprintf(stderr, "frames: listening on %s\n", options.interface);

	end_ns = now_ns() + options.seconds * SECOND_NS;
	while (!interrupted && now_ns() < end_ns && !(options.count && received >= options.count)) {
		sleep_until_ns(now_ns() + POLL_NS);
		received += counted(sock);
	}
	received += counted(sock);
	printf("%llu\n", (unsigned long long)received);
	close(sock);
	return 0;
}
