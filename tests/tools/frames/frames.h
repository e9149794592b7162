/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Sends and counts Ethernet frames for the tests and the demo. Sending needs no route and no
 * neighbor; receiving counts frames before any firewall sees them. */

#include <getopt.h>
#include <net/ethernet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "tests/units.h"

#define MAX_FRAME_BYTES 9600
#define MIN_FRAME_BYTES 60
#define MAX_TAGS        2
#define TAG_BYTES       4

enum proto {
	UDP,
	TCP_SYN,
	TCP_ACK,
	ICMP_UNREACHABLE,
	PROTOS,
};

struct options {
	const char *interface;
	bool has_source, has_destination_mac, is_scattered;
	uint32_t source, sources, destination; /* host order */
	uint8_t destination_mac[ETH_ALEN];
	uint64_t count, rate;
	double seconds;
	uint16_t tags[MAX_TAGS];
	uint32_t tag_count, frame_bytes;
	int cpu;
	enum proto proto;
};

extern const char usage[];
extern volatile sig_atomic_t interrupted;

/* main.c: prints the message and exits with `status`. */
__attribute__((noreturn, format(printf, 2, 3))) void fail(int status, const char *format, ...);

/* options.c: parses the options in `known` and the interface. Exits with 2 on a mistake. */
void parse_options(struct options *options, int argc, char **argv, const struct option *known);

/* socket.c: a packet socket, and the clock. Exit with 1 on failure. */
int open_socket(void);
void set_option(int sock, int level, int name, const void *value, socklen_t size, const char *what);
void bind_to(int sock, const char *interface, uint16_t protocol);
uint64_t now_ns(void);
void sleep_until_ns(uint64_t when_ns);

/* packet.c: the headers of a frame. IPv4 addresses are in host order. */
uint32_t link_bytes(const struct options *options);
void write_link(uint8_t *at, const struct options *options, const uint8_t *source_mac);
void write_ipv4(void *at, const struct options *options, uint32_t source);

/* send.c, receive.c: the two commands. */
int send_frames(int argc, char **argv);
int receive_frames(int argc, char **argv);
