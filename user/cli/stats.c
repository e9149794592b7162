// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/control/snapshot.h"
#include "user/datapath/counters.h"
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

/* The counters that are not zero, and the sum of all. */
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

static void show(struct snapshot *snapshot, bool json)
{
	const char *pin_dir = snapshot->maps.pin_dir;
	json_t *list = json ? json_object() : NULL;

	for (int i = 0; i < snapshot->interface_count; i++) {
		const char *interface = snapshot->interfaces[i];
		struct xrl_counter_pair sums[XRL_COUNTERS];
		int error = counters_read(pin_dir, interface, sums);

		if (error == -ESTALE)
			warn("the counters of %s are of another version of xdp-ratelimit; attach "
			     "again to replace them",
			     interface);
		if (error)
			continue;
		if (json)
			json_object_set_new(list, interface, counters_json(sums));
		else
			print_counters(interface, sums);
	}
	if (json)
		result_print(json_pack("{s:o, s:o}", "interfaces", list, "gate",
		                       gate_totals_json(&snapshot->maps)));
	else
		gate_print_totals(&snapshot->maps);
}

/* Leaves only the interface that was asked for. */
static enum exit_code choose(struct snapshot *snapshot, const char *wanted)
{
	for (int i = 0; i < snapshot->interface_count; i++) {
		if (strcmp(snapshot->interfaces[i], wanted))
			continue;
		memmove(snapshot->interfaces[0], snapshot->interfaces[i], IF_NAMESIZE);
		snapshot->interface_count = 1;
		return EXIT_DONE;
	}
	return fail(EXIT_NOT_FOUND, "xdp-ratelimit status shows where it is",
	            "the limiter is not attached to '%.60s'", wanted);
}

static enum exit_code run_stats(const struct globals *globals, int argc, char **argv)
{
	struct snapshot snapshot;
	enum exit_code error;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
		return command_usage(&stats_command, "unexpected argument '%s'", argv[argc - 1]);
	error = snapshot_open(&snapshot, globals->pin_dir);
	if (error)
		return error;
	if (!snapshot.interface_count)
		error = snapshot_check_attached(&snapshot);
	else if (argc == 2)
		error = choose(&snapshot, argv[1]);
	if (!error)
		show(&snapshot, globals->json);
	snapshot_close(&snapshot);
	return error;
}

const struct command stats_command = {
	.name = "stats",
	.usage = "stats [IF]",
	.summary = "packets and bytes by interface, verdict and reason",
	.run = run_stats,
};
