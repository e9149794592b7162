// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/datapath/counters.h"
#include "user/datapath/gate.h"
#include "user/datapath/link_info.h"
#include "user/datapath/maps.h"
#include "user/datapath/pin_dir.h"
#include "user/util/xalloc.h"

/* Text for the textfile collector of Prometheus's node exporter, which reads the counters'
 * type under their full name, _total included. */

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

static void print_attached(const char *pin_dir, char (*interfaces)[IF_NAMESIZE], int count)
{
	print_head("xdp_ratelimit_attached", "gauge",
	           "Whether the limiter is attached to the interface, and in which mode.");
	for (int i = 0; i < count; i++) {
		struct link_info info;

		link_info_read(pin_dir, interfaces[i], &info);
		printf("xdp_ratelimit_attached{interface=\"");
		print_label(interfaces[i]);
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
	struct gate_status flood;

	if (!gate_read(maps, &flood))
		return;
	print_number("xdp_ratelimit_gate_engaged", "gauge",
	             "Whether the gate is engaged: unknown sources get no bucket with their first "
	             "packet.",
	             flood.state == GATE_IS_ENGAGED);
	print_number("xdp_ratelimit_gate_engagements_total", "counter", "Times the gate engaged.",
	             flood.engaged_times);
	print_number("xdp_ratelimit_unknown_sources_total", "counter",
	             "Packets from sources without a bucket or a newcomer entry.",
	             flood.unknown_sources);
	print_number("xdp_ratelimit_promoted_sources_total", "counter",
	             "Sources promoted to a bucket while the gate was engaged.",
	             flood.promoted_sources);
	print_number("xdp_ratelimit_buckets_inserted_total", "counter", "Buckets created.",
	             flood.inserted_buckets);
}

static void print_instance(const char *pin_dir)
{
	struct maps maps;

	maps_open(&maps, pin_dir, 0, 0);
	print_number("xdp_ratelimit_permits", "gauge", "Permits in force.",
	             maps_count_permits(&maps));
	print_number("xdp_ratelimit_bucket_capacity", "gauge",
	             "Capacity of the bucket map, in sources.", maps_sources(&maps));
	print_gate(&maps);
	maps_close(&maps);
}

static enum exit_code run_metrics(const struct globals *globals, int argc, char **argv)
{
	char(*interfaces)[IF_NAMESIZE] = NULL;
	sums_of_interface *sums;
	enum exit_code error;
	int count, readable = 0;

	if (argc > 1)
		return command_usage(&metrics_command, "unexpected argument '%s'", argv[1]);
	error = command_begin_reading(globals);
	if (error)
		return error;
	count = pin_dir_list_interfaces(globals->pin_dir, &interfaces);
	if (count < 0)
		return fail(EXIT_FAILED, NULL, "cannot read the pin directory %s",
		            globals->pin_dir);
	sums = xcalloc(count > 0 ? count : 1, sizeof(*sums));
	for (int i = 0; i < count; i++) {
		if (counters_read(globals->pin_dir, interfaces[i], sums[readable]))
			continue;
		memmove(interfaces[readable++], interfaces[i], IF_NAMESIZE);
	}
	print_attached(globals->pin_dir, interfaces, readable);
	print_family("xdp_ratelimit_packets_total", "Packets received, by verdict and reason.",
	             interfaces, sums, readable, false);
	print_family("xdp_ratelimit_bytes_total", "Bytes received, by verdict and reason.",
	             interfaces, sums, readable, true);
	print_instance(globals->pin_dir);
	printf("# EOF\n");
	free(sums);
	free(interfaces);
	return EXIT_DONE;
}

const struct command metrics_command = {
	.name = "metrics",
	.usage = "metrics",
	.summary = "the counters in OpenMetrics text, for the textfile collector",
	.run = run_metrics,
};
