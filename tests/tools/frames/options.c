// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tools/frames/frames.h"

#define MAX_SECONDS     600.0
#define DEFAULT_SECONDS 60.0

static const char *const proto_names[PROTOS] = {
	[UDP] = "udp",
	[TCP_SYN] = "tcp-syn",
	[TCP_ACK] = "tcp-ack",
	[ICMP_UNREACHABLE] = "icmp-unreachable",
};

static uint64_t parse_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || number < min || number > max)
		fail(2, "--%s '%s': expected a whole number from %llu to %llu", option, text,
		     (unsigned long long)min, (unsigned long long)max);
	return number;
}

static double parse_seconds(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds > 0 && seconds <= MAX_SECONDS))
		fail(2, "--seconds '%s': expected more than 0 and at most %.0f", text, MAX_SECONDS);
	return seconds;
}

static uint32_t parse_address(const char *option, const char *text)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1)
		fail(2, "--%s '%s': expected an IPv4 address", option, text);
	return ntohl(address.s_addr);
}

static void parse_mac(const char *text, uint8_t mac[ETH_ALEN])
{
	int end = 0;

	sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3],
	       &mac[4], &mac[5], &end);
	if (!end || text[end])
		fail(2, "--destination-mac '%s': expected six bytes such as 02:00:00:00:00:01",
		     text);
}

static enum proto parse_proto(const char *text)
{
	for (int i = 0; i < PROTOS; i++)
		if (!strcmp(text, proto_names[i]))
			return i;
	fail(2, "--proto '%s': expected udp, tcp-syn, tcp-ack or icmp-unreachable", text);
}

static void add_tag(struct options *options, const char *text)
{
	if (options->tag_count == MAX_TAGS)
		fail(2, "--vlan: expected at most %d", MAX_TAGS);
	options->tags[options->tag_count++] = parse_number("vlan", text, 0, 4095);
}

static void take_option(struct options *options, const char *name, const char *value)
{
	if (!strcmp(name, "source")) {
		options->source = parse_address(name, value);
		options->has_source = true;
	} else if (!strcmp(name, "sources")) {
		options->sources = parse_number(name, value, 1, UINT32_MAX);
	} else if (!strcmp(name, "scattered")) {
		options->is_scattered = true;
	} else if (!strcmp(name, "destination")) {
		options->destination = parse_address(name, value);
	} else if (!strcmp(name, "destination-mac")) {
		parse_mac(value, options->destination_mac);
		options->has_destination_mac = true;
	} else if (!strcmp(name, "count")) {
		options->count = parse_number(name, value, 1, INT64_MAX);
	} else if (!strcmp(name, "seconds")) {
		options->seconds = parse_seconds(value);
	} else if (!strcmp(name, "rate")) {
		options->rate = parse_number(name, value, 1, SECOND_NS);
	} else if (!strcmp(name, "vlan")) {
		add_tag(options, value);
	} else if (!strcmp(name, "size")) {
		options->frame_bytes = parse_number(name, value, MIN_FRAME_BYTES, MAX_FRAME_BYTES);
	} else if (!strcmp(name, "cpu")) {
		options->cpu = parse_number(name, value, 0, CPU_SETSIZE - 1);
	} else {
		options->proto = parse_proto(value);
	}
}

void parse_options(struct options *options, int argc, char **argv, const struct option *known)
{
	int index = 0, result;
	uint32_t smallest;

	*options = (struct options){
		.sources = 1,
		.destination = 0xC0000201, /* 192.0.2.1 */
		.destination_mac = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
		.seconds = DEFAULT_SECONDS,
		.cpu = -1,
	};
	while ((result = getopt_long(argc, argv, "", known, &index)) == 0)
		take_option(options, known[index].name, optarg);
	if (result != -1)
		fail(2, "unknown option\n%s", usage);
	if (optind != argc - 1)
		fail(2, "expected exactly one interface\n%s", usage);
	options->interface = argv[optind];
	/* Each tag lengthens the smallest frame, so the headers always fit. */
	smallest = MIN_FRAME_BYTES + TAG_BYTES * options->tag_count;
	if (!options->frame_bytes)
		options->frame_bytes = smallest;
	if (options->frame_bytes < smallest)
		fail(2, "--size %u: expected at least %u with %u tags", options->frame_bytes,
		     smallest, options->tag_count);
}
