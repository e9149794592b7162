// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "limit.h"
#include "source_state.h"

#define SECOND_NS 1000000000ULL

static void print_limit(const struct source_state *source, const struct xrl_limit *limit,
                        int window)
{
	struct source_rest rest = source_rest_of(source, limit, window);
	char text[LIMIT_TEXT_SIZE];

	limit_format(limit, text, sizeof(text));
	printf("%-10s %s%s: %llu used, %llu left", window ? "" : "limits", text,
	       window == XRL_ICMP_ERRORS ? " (ICMP errors)" : "", rest.used, rest.remaining);
	if (rest.reset_boot_ns)
		printf(", anew in %.3f s",
		       (double)(rest.reset_boot_ns - source->now_ns) / SECOND_NS);
	if (rest.retry_after_ns)
		printf("; refused until then");
	else if (!rest.remaining)
		printf("; passes all the same (%s)", source->monitored ? "monitor" : "permit");
	printf("\n");
}

static void print_text(const struct source_state *source, const char *address)
{
	const struct xrl_class *class = &source->class;
	char until[OUTPUT_TIME_SIZE];

	printf("source     %s%s\n", address,
	       source->known ? "" : " (has no bucket: not seen, or long ago)");
	printf("class      default\n");
	if (source->permit_until_boot_ns) {
		output_time(until,
		            clock_unix_seconds(source->permit_until_boot_ns + SECOND_NS - 1));
		printf("permit     until %s: no limit applies\n", until);
	} else {
		printf("permit     none\n");
	}
	for (__u32 i = 0; i < class->limit_count; i++)
		print_limit(source, &class->limits[i], i);
	print_limit(source, &class->limits[XRL_ICMP_ERRORS], XRL_ICMP_ERRORS);
}

static enum exit_code run_show(const struct globals *globals, int argc, char **argv)
{
	struct source_state source;
	struct xrl_address address;
	struct instance instance;
	enum exit_code error;

	if (argc != 2)
		return command_usage(&cmd_show, "exactly one address is expected");
	/* inet_pton takes four decimal octets without leading zeros and nothing else */
	if (inet_pton(AF_INET, argv[1], &address) != 1)
		return fail(EXIT_USAGE, "for example: xdp-ratelimit show 192.0.2.1",
		            "'%.60s' is not an IPv4 address", argv[1]);
	error = command_begin_reading(globals);
	if (error)
		return error;
	error = instance_open_attached(&instance, globals->pin_dir);
	if (!error)
		error = source_state_read(&instance, &address, &source);
	if (!error && globals->json)
		output_json(source_state_json(&source));
	else if (!error)
		print_text(&source, argv[1]);
	instance_close(&instance);
	return error;
}

const struct command cmd_show = {
	.name = "show",
	.usage = "show IP",
	.summary = "what is left to a source, and until when it is refused",
	.run = run_show,
};
