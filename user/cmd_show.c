// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>

#include "clock.h"
#include "command.h"
#include "instance.h"
#include "limit.h"
#include "../bpf/window.h"
#include "../include/address.h"
#include "../include/permit.h"

#define SECOND_NS 1000000000ULL

/* What one limit leaves to a source, now. */
struct rest {
	__u64 used, remaining;
	__u64 reset_boot_ns;  /* 0: no window is open */
	__u64 retry_after_ns; /* 0: there is room for a unit */
};

struct source {
	const char *text;
	struct xrl_address address;
	struct xrl_bucket bucket;
	bool known;
	__u64 permit_until_boot_ns; /* 0: none in force */
	bool monitored;             /* nothing is refused */
	__u64 now_ns;
};

static void read_source(const struct instance *instance, struct source *source)
{
	struct xrl_permit permit;

	/* a look-up by system call leaves the order of the LRU as it was */
	source->known = !bpf_map_lookup_elem(instance->maps[SHARED_BUCKETS], &source->address,
	                                     &source->bucket);
	source->now_ns = clock_boot_ns();
	if (!bpf_map_lookup_elem(instance->maps[SHARED_PERMITS], &source->address, &permit) &&
	    permit.until_boot_ns > source->now_ns)
		source->permit_until_boot_ns = permit.until_boot_ns;
}

/* Whether the program would take this window for an open one, by its own arithmetic. */
static bool is_open(const struct source *source, const struct xrl_limit *limit, xrl_word word)
{
	const struct xrl_bucket *bucket = &source->bucket;
	__u64 idle_ns = source->now_ns > bucket->checked_boot_ns
	                        ? source->now_ns - bucket->checked_boot_ns
	                        : 0;

	return source->known && word && idle_ns < limit->period_ns &&
	       (__s32)(limit->since_generation - bucket->generation) <= 0 &&
	       !xrl_window_is_over(limit, word, source->now_ns);
}

static struct rest rest_of(const struct source *source, const struct xrl_limit *limit, int window)
{
	xrl_word word = xrl_window_read(&source->bucket.windows[window]);
	struct rest rest = {.remaining = limit->max_units};
	__u64 until_end_ns;

	if (!is_open(source, limit, word))
		return rest;
	/* the end of the last tick, after which the next unit opens a new window */
	until_end_ns =
		xrl_window_remaining_ns(limit, word, source->now_ns) + (1ULL << limit->tick_shift);
	rest.used = xrl_window_used(word);
	rest.remaining = rest.used < limit->max_units ? limit->max_units - rest.used : 0;
	rest.reset_boot_ns = source->now_ns + until_end_ns;
	if (!rest.remaining && !source->permit_until_boot_ns && !source->monitored)
		rest.retry_after_ns = until_end_ns;
	return rest;
}

static json_t *time_json(__u64 boot_ns)
{
	char text[OUTPUT_TIME_SIZE];

	if (!boot_ns)
		return json_null();
	/* rounded up: at the second that is shown, it has come */
	output_time(text, clock_unix_seconds(boot_ns + SECOND_NS - 1));
	return json_string(text);
}

static json_t *limit_json(const struct source *source, const struct xrl_limit *limit, int window)
{
	struct rest rest = rest_of(source, limit, window);
	char text[LIMIT_TEXT_SIZE];

	limit_format(limit, text, sizeof(text));
	return json_pack("{s:s, s:I, s:I, s:I, s:o, s:f, s:s, s:f, s:s, s:s, s:n}", "limit_text",
	                 text, "limit", (json_int_t)limit->max_units, "used", (json_int_t)rest.used,
	                 "remaining", (json_int_t)rest.remaining, "reset_at",
	                 time_json(rest.reset_boot_ns), "retry_after_seconds",
	                 (double)rest.retry_after_ns / SECOND_NS, "unit",
	                 limit_unit_name(limit->unit), "period_seconds",
	                 (double)limit->period_ns / SECOND_NS, "algorithm", "fixed", "scope",
	                 "source", "endpoint");
}

static void print_json(const struct source *source, const struct xrl_class *class)
{
	json_t *limits = json_array();

	for (__u32 i = 0; i < class->limit_count; i++)
		json_array_append_new(limits, limit_json(source, &class->limits[i], i));
	output_json(
		json_pack("{s:s, s:s, s:b, s:o, s:o, s:o}", "source", source->text, "class",
	                  "default", "known", source->known, "permit_expires_at",
	                  time_json(source->permit_until_boot_ns), "limits", limits, "icmp_errors",
	                  limit_json(source, &class->limits[XRL_ICMP_ERRORS], XRL_ICMP_ERRORS)));
}

static void print_limit(const struct source *source, const struct xrl_limit *limit, int window)
{
	struct rest rest = rest_of(source, limit, window);
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

static void print_text(const struct source *source, const struct xrl_class *class)
{
	char until[OUTPUT_TIME_SIZE];

	printf("source     %s%s\n", source->text,
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

static enum exit_code show(const struct globals *globals, struct instance *instance,
                           struct source *source)
{
	__u32 redirect, generation;
	struct xrl_class class;

	if (!instance_read_policy(instance, &class, &redirect, &generation))
		return fail(EXIT_FAILED, "run attach again: it mends that",
		            "there is no policy in %s", globals->pin_dir);
	source->monitored = class.action == XRL_MONITOR;
	read_source(instance, source);
	if (globals->json)
		print_json(source, &class);
	else
		print_text(source, &class);
	return EXIT_DONE;
}

static enum exit_code run_show(const struct globals *globals, int argc, char **argv)
{
	struct instance instance;
	struct source source = {};
	enum exit_code error;

	if (argc != 2)
		return command_usage(&cmd_show, "exactly one address is expected");
	source.text = argv[1];
	/* inet_pton takes four decimal octets without leading zeros and nothing else */
	if (inet_pton(AF_INET, argv[1], &source.address) != 1)
		return fail(EXIT_USAGE, "for example: xdp-ratelimit show 192.0.2.1",
		            "'%.60s' is not an IPv4 address", argv[1]);
	error = command_begin_reading(globals);
	if (error)
		return error;
	error = instance_open_attached(&instance, globals->pin_dir);
	if (!error)
		error = show(globals, &instance, &source);
	instance_close(&instance);
	return error;
}

const struct command cmd_show = {
	.name = "show",
	.usage = "show IP",
	.summary = "what is left to a source, and until when it is refused",
	.run = run_show,
};
