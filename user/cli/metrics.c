// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/control/snapshot.h"
#include "user/datapath/counters.h"
#include "user/datapath/gate.h"
#include "user/datapath/link_info.h"
#include "user/datapath/maps.h"
#include "user/util/xalloc.h"

/* Text for the textfile collector of Prometheus's node exporter. It expects the type of a counter
 * under its full name, _total included. */

static void print_label(const char *value)
{
	for (const char *c = value; *c; c++) {
		if (*c == '"' || *c == '\\')
			putchar('\\');
		putchar(*c);
	}
}

static void print_head(const char *name, const char *type, const char *help)
{
	printf("# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_sample(const char *name, const char *interface, __u32 counter,
                         unsigned long long value)
{
	const char *reason;
	char verdict[16];

	counter_split(counter, verdict, sizeof(verdict), &reason);
	printf("%s{interface=\"", name);
	print_label(interface);
	printf("\",verdict=\"%s\",reason=\"%s\"} %llu\n", verdict, reason, value);
}

typedef struct xrl_counter_pair sums_of_interface[XRL_COUNTERS];

static void print_family(const char *name, const char *help, char (*interfaces)[IF_NAMESIZE],
                         const sums_of_interface *sums, int count, bool bytes)
{
	print_head(name, "counter", help);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < XRL_COUNTERS; j++)
			print_sample(name, interfaces[i], j,
			             bytes ? sums[i][j].bytes : sums[i][j].packets);
}

static void print_attached(const struct snapshot *snapshot)
{
	print_head("xdp_ratelimit_attached", "gauge",
	           "Whether the limiter is attached to the interface, and in which mode.");
	for (int i = 0; i < snapshot->interface_count; i++) {
		struct link_info info;

		link_info_read(snapshot->maps.pin_dir, snapshot->interfaces[i], &info);
		printf("xdp_ratelimit_attached{interface=\"");
		print_label(snapshot->interfaces[i]);
		printf("\",mode=\"%s\"} %d\n", attach_mode_name(info.mode),
		       info.state == LINK_ATTACHED);
	}
}

static void print_number(const char *name, const char *type, const char *help, __u64 value)
{
	print_head(name, type, help);
	printf("%s %llu\n", name, value);
}

static void print_gate(struct maps *maps)
{
	struct gate_status gate;

	if (!gate_read(maps, &gate))
		return;
	print_number("xdp_ratelimit_gate_engaged", "gauge",
	             "Whether the gate is engaged: unknown sources get no bucket with their first "
	             "packet.",
	             gate.state == GATE_IS_ENGAGED);
	print_number("xdp_ratelimit_gate_engagements_total", "counter", "Times the gate engaged.",
	             gate.engaged_times);
	print_number("xdp_ratelimit_unknown_sources_total", "counter",
	             "Packets from sources without a bucket or a newcomer entry.",
	             gate.unknown_sources);
	print_number("xdp_ratelimit_promoted_sources_total", "counter",
	             "Sources promoted to a bucket while the gate was engaged.",
	             gate.promoted_sources);
	print_number("xdp_ratelimit_buckets_inserted_total", "counter", "Buckets created.",
	             gate.inserted_buckets);
}

static void print_maps(struct maps *maps)
{
	print_number("xdp_ratelimit_permits", "gauge", "Active permits.", maps_count_permits(maps));
	print_number("xdp_ratelimit_bucket_capacity", "gauge",
	             "Capacity of the bucket map, in sources.", maps_sources(maps));
	print_gate(maps);
}

/* Reads the counters of all interfaces, and leaves out those of another version. */
static void read_counters(struct snapshot *snapshot, sums_of_interface *sums)
{
	int readable = 0;

	for (int i = 0; i < snapshot->interface_count; i++)
		if (!counters_read(snapshot->maps.pin_dir, snapshot->interfaces[i], sums[readable]))
			memmove(snapshot->interfaces[readable++], snapshot->interfaces[i],
			        IF_NAMESIZE);
	snapshot->interface_count = readable;
}

static enum exit_code run_metrics(const struct globals *globals, int argc, char **argv)
{
	struct snapshot snapshot;
	sums_of_interface *sums;
	enum exit_code error;

	if (argc > 1)
		return command_usage(&metrics_command, "unexpected argument '%s'", argv[1]);
	error = snapshot_open(&snapshot, globals->pin_dir);
	if (error)
		return error;
	sums = xcalloc(snapshot.interface_count + 1, sizeof(*sums));
	read_counters(&snapshot, sums);
	print_attached(&snapshot);
	print_family("xdp_ratelimit_packets_total", "Packets received, by verdict and reason.",
	             snapshot.interfaces, sums, snapshot.interface_count, false);
	print_family("xdp_ratelimit_bytes_total", "Bytes received, by verdict and reason.",
	             snapshot.interfaces, sums, snapshot.interface_count, true);
	print_maps(&snapshot.maps);
	printf("# EOF\n");
	free(sums);
	snapshot_close(&snapshot);
	return EXIT_DONE;
}

const struct command metrics_command = {
	.name = "metrics",
	.usage = "metrics",
	.summary = "the counters in OpenMetrics text, for the textfile collector of Prometheus",
	.run = run_metrics,
};
