// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/counters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "user/datapath/pin_dir.h"

#define PASSED_NAME(name)     "passed_" #name,
#define MONITOR_NAME(name)    "passed_monitor_" #name,
#define DROPPED_NAME(name)    "dropped_" #name,
#define REDIRECTED_NAME(name) "redirected_" #name,

const char *const counter_names[XRL_COUNTERS] = {
	XRL_PASSED(PASSED_NAME) XRL_REASONS(MONITOR_NAME)
		XRL_REASONS(DROPPED_NAME) "dropped_redirect_gone",
	XRL_LIMIT_REASONS(REDIRECTED_NAME)};

void counter_split(__u32 counter, char *verdict, size_t size, const char **reason)
{
	const char *name = counter_names[counter], *line = strchr(name, '_');

	snprintf(verdict, size, "%.*s", (int)(line - name), name);
	*reason = line + 1;
}

int counters_read(const char *pin_dir, const char *interface,
                  struct xrl_counter_pair sums[XRL_COUNTERS])
{
	int cpus = libbpf_num_possible_cpus(), fd, error = 0;
	struct xrl_counter_pair *pairs;
	__u32 zero = 0;
	pin_path path;

	pin_path_of_link(path, pin_dir, interface, "counters");
	fd = pin_dir_open_map(path, BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(zero),
	                      sizeof(struct xrl_counters), 1);
	if (fd < 0)
		return fd;
	pairs = cpus > 0 ? calloc(cpus, sizeof(struct xrl_counters)) : NULL;
	if (!pairs)
		error = -ENOMEM;
	else if (bpf_map_lookup_elem(fd, &zero, pairs))
		error = -errno;
	memset(sums, 0, XRL_COUNTERS * sizeof(*sums));
	for (int i = 0; !error && pairs && i < cpus * XRL_COUNTERS; i++) {
		sums[i % XRL_COUNTERS].packets += pairs[i].packets;
		sums[i % XRL_COUNTERS].bytes += pairs[i].bytes;
	}
	free(pairs);
	close(fd);
	return error;
}
