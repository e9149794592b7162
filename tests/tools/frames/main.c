// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tools/frames/frames.h"

const char usage[] =
	"usage: frames send IF --source A.B.C.D [--sources N [--scattered]] [--count N]\n"
	"              [--seconds S] [--rate PPS] [--destination A.B.C.D]\n"
	"              [--destination-mac MAC]\n"
	"              [--vlan ID [--vlan ID]] [--size BYTES] [--cpu N]\n"
	"              [--proto udp|tcp-syn|tcp-ack|icmp-unreachable]\n"
	"       frames receive IF [--source A.B.C.D] [--destination-mac MAC] [--count N]\n"
	"              [--seconds S]\n"
	"\n"
	"send prints how many frames left the interface. With --sources they come from N\n"
	"consecutive addresses in turn, or scattered over them: hardly one comes twice, and\n"
	"neighbours are far apart, as in a flood of invented addresses; two --vlan are an\n"
	"802.1ad tag and an 802.1Q tag.\n"
	"receive says on stderr when it listens, and prints how many IPv4 frames arrived.\n"
	"Both end after S seconds (60 unless given), after N frames, or at an interrupt.\n";

volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	interrupted = signal;
}

void fail(int status, const char *format, ...)
{
	va_list args;

	fputs("frames: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(status);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = interrupt};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (argc > 1 && !strcmp(argv[1], "send"))
		return send_frames(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "receive"))
		return receive_frames(argc - 1, argv + 1);
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	fail(2, "send or receive?\n%s", usage);
}
