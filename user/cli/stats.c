// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/datapath/counters.h"
#include "user/datapath/maps.h"
#include "user/datapath/pin_dir.h"
#include "user/output/gate.h"

static json_t *counters_json(const struct xrl_counter_pair sums[XRL_COUNTERS])
{
	json_t *object = json_object();

	for (int i = 0; i < XRL_COUNTERS; i++)
		json_object_set_new(object, counter_names[i],
		                    json_pack("{s:I, s:I}", "packets", (json_int_t)sums[i].packets,
		                              "bytes", (json_int_t)sums[i].bytes));
	return object;
}

/* Those that have counted something, and what all of them add up to. */
static void print_counters(const char *interface, const struct xrl_counter_pair sums[XRL_COUNTERS])
{
	struct xrl_counter_pair total = {};

	printf("%s\n", interface);
	for (int i = 0; i < XRL_COUNTERS; i++) {
		total.packets += sums[i].packets;
		total.bytes += sums[i].bytes;
		if (sums[i].packets)
			printf("  %-34s %15llu packets %18llu bytes\n", counter_names[i],
			       sums[i].packets, sums[i].bytes);
	}
	printf("  %-34s %15llu packets %18llu bytes\n", "received", total.packets, total.bytes);
}

static enum exit_code show(const struct globals *globals, char (*interfaces)[IF_NAMESIZE],
                           int count)
{
	json_t *list = globals->json ? json_object() : NULL;
	struct maps maps;

	for (int i = 0; i < count; i++) {
		struct xrl_counter_pair sums[XRL_COUNTERS];
		int error = counters_read(globals->pin_dir, interfaces[i], sums);

		if (error == -ESTALE)
			warn("the counters of %s are of another version of xdp-ratelimit; attach "
			     "again to replace them",
			     interfaces[i]);
		if (error)
			continue;
		if (list)
			json_object_set_new(list, interfaces[i], counters_json(sums));
		else
			print_counters(interfaces[i], sums);
	}
	maps_open(&maps, globals->pin_dir, 0, 0);
	if (list)
		result_print(json_pack("{s:o, s:o}", "interfaces", list, "gate",
		                       gate_totals_json(&maps)));
	else
		gate_print_totals(&maps);
	maps_close(&maps);
	return EXIT_DONE;
}

/* Leaves only the one that was asked for. */
static enum exit_code choose(char (*interfaces)[IF_NAMESIZE], int *count, const char *wanted)
{
	for (int i = 0; i < *count; i++) {
		if (strcmp(interfaces[i], wanted))
			continue;
		memmove(interfaces[0], interfaces[i], IF_NAMESIZE);
		*count = 1;
		return EXIT_DONE;
	}
	return fail(EXIT_NOT_FOUND, "xdp-ratelimit status shows where it is",
	            "the limiter is not attached to '%.60s'", wanted);
}

static enum exit_code run_stats(const struct globals *globals, int argc, char **argv)
{
	char(*interfaces)[IF_NAMESIZE] = NULL;
	enum exit_code error;
	int count;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
		return command_usage(&stats_command, "unexpected argument '%s'", argv[argc - 1]);
	error = command_begin_reading(globals);
	if (error)
		return error;
	count = pin_dir_list_interfaces(globals->pin_dir, &interfaces);
	if (count <= 0)
		return fail(EXIT_NOT_FOUND, "xdp-ratelimit attach IF",
		            "the limiter is not attached to any interface (pin directory %s)",
		            globals->pin_dir);
	if (argc == 2)
		error = choose(interfaces, &count, argv[1]);
	if (!error)
		error = show(globals, interfaces, count);
	free(interfaces);
	return error;
}

const struct command stats_command = {
	.name = "stats",
	.usage = "stats [IF]",
	.summary = "what became of the packets, by interface: verdict and reason",
	.run = run_stats,
};
