// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <linux/types.h>

#include "user/cli/command.h"
#include "user/config/cidr_list.h"
#include "user/datapath/gate.h"
#include "user/output/source.h"
#include "user/policy/limit.h"
#include "user/util/clock.h"
#include "user/util/duration.h"

static void print_limit(const struct source *source, const struct source_limit *of,
                        const char *label, const char *what)
{
	const struct limit_usage *usage = &of->usage;
	char text[LIMIT_TEXT_SIZE];

	limit_format(of->limit, text, sizeof(text));
	printf("%-10s %s%s: %llu used, %llu left", label, text, what, usage->used,
	       usage->remaining);
	if (usage->reset_ns)
		printf(", anew in %.3f s", (double)usage->reset_ns / SECOND_NS);
	if (of->refuses && usage->retry_ns == usage->reset_ns)
		printf("; refused until then");
	else if (of->refuses)
		printf("; refused for %.3f s", (double)usage->retry_ns / SECOND_NS);
	else if (usage->retry_ns)
		printf("; passes all the same (%s)", source->permitted ? "permit" : "monitor");
	printf("\n");
}

static void print_class(const struct source *source)
{
	char cidr[CIDR_TEXT_SIZE];

	printf("class      %s", source->class->name);
	if (source->reason == BY_CIDR) {
		cidr_format(&source->cidr.cidr, cidr);
		printf(", by %s\n", cidr);
	} else {
		printf(", by %s\n",
		       source->reason == BY_PERMIT ? "its permit" : "default: no CIDR has it");
	}
}

static void print_permit(const struct source *source)
{
	char until[RESULT_TIME_SIZE];

	if (!source->permit_until_boot_ns) {
		printf("permit     none\n");
		return;
	}
	result_format_time(until, clock_unix_seconds(source->permit_until_boot_ns + SECOND_NS - 1));
	printf("permit     until %s%s\n", until, source->permitted ? ": no limit applies" : "");
}

static void print_source(const struct source *source, const char *address)
{
	const struct newcomer *newcomer = &source->newcomer;

	printf("source     %s", address);
	if (source->is_newcomer)
		printf(" (a newcomer without a bucket: %u%s packet%s seen, %u of them passed)",
		       newcomer->seen_packets,
		       newcomer->seen_packets < NEWCOMER_MAX_SEEN ? "" : " or more",
		       newcomer->seen_packets == 1 ? "" : "s", newcomer->passed_packets);
	else if (!source->known)
		printf(" (has no bucket: not seen, or long ago)");
	printf("\n");
}

static void print_text(const struct source *source, const char *address)
{
	const struct xrl_class *class = source->class;

	print_source(source, address);
	print_class(source);
	print_permit(source);
	if (source->penalty_ns)
		printf("penalty    for another %.3f s: %s\n",
		       (double)source->penalty_ns / SECOND_NS,
		       class->action == XRL_MONITOR ? "passes all the same (monitor)"
		                                    : "all but ICMP errors is refused");
	if (!class->limit_count && !class->separate_count) {
		printf("limits     none: trusted\n");
		return;
	}
	for (__u32 i = 0; i < source->limit_count; i++)
		print_limit(source, &source->limits[i], i ? "" : "limits", "");
	print_limit(source, &source->icmp_errors, "", " (ICMP errors)");
}

static enum exit_code run_show(const struct globals *globals, int argc, char **argv)
{
	struct source source;
	struct xrl_address address;
	struct maps maps;
	enum exit_code error;

	if (argc != 2)
		return command_usage(&show_command, "exactly one address is expected");
	/* inet_pton takes four decimal octets without leading zeros and nothing else */
	if (inet_pton(AF_INET, argv[1], &address) != 1)
		return fail(EXIT_USAGE, "for example: xdp-ratelimit show 192.0.2.1",
		            "'%.60s' is not an IPv4 address", argv[1]);
	error = command_begin_reading(globals);
	if (error)
		return error;
	error = maps_open_attached(&maps, globals->pin_dir);
	if (!error)
		error = source_read(&maps, &address, &source);
	if (!error && globals->json)
		result_print(source_json(&source));
	else if (!error)
		print_text(&source, argv[1]);
	maps_close(&maps);
	return error;
}

const struct command show_command = {
	.name = "show",
	.usage = "show IP",
	.summary = "what is left to a source, and until when it is refused",
	.run = run_show,
};
