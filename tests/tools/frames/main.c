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
	"send prints the number of frames that left the interface. --sources takes N consecutive\n"
	"source addresses in turn; --scattered takes them in an order in which hardly any repeats\n"
	"and successive ones are far apart, as in a spoofed flood. Two --vlan add an 802.1ad tag\n"
	"and an 802.1Q tag.\n"
	"receive reports on stderr when it listens, and prints the number of IPv4 frames that\n"
	"arrived.\n"
	"Both stop after S seconds (default 60), after N frames, or on an interrupt.\n";

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
	fail(2, "no command; expected 'send' or 'receive'\n%s", usage);
}
