/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>
#include <linux/types.h>

#include "include/counters.h"

/* The names of the counters. Each consists of a verdict and a reason. */
extern const char *const counter_names[XRL_COUNTERS];

/* Splits a name: "dropped_packets_limit" into "dropped" and "packets_limit". */
void counter_split(__u32 counter, char *verdict, size_t size, const char **reason);

/* Sums the counters of an interface over all CPUs. 0 or -errno. */
int counters_read(const char *pin_dir, const char *interface,
                  struct xrl_counter_pair sums[XRL_COUNTERS]);
