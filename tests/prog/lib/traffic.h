/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Two CPUs at full speed, each with a frame of its own, over and over. */

#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/program.h"

#define TRAFFIC_CPUS    2
#define TRAFFIC_POLL_US 2000

/* On the first two CPUs that this process may use; on a machine with one, both share it. */
void traffic_prepare(const struct program *program);

/* What one CPU sends from now on. */
void traffic_set(int sender, const struct frame_spec *spec);

void traffic_start(void);

/* Returns how many frames they sent, or 0 after an error: as the counters say. */
__u64 traffic_stop(void);

/* The same, but so many at a time. That leaves gaps, but the number is known from the calls. */
void traffic_start_rounds(__u32 frames);
__u64 traffic_stop_rounds(void);

struct xrl_counter_pair traffic_count(const struct program *program, __u32 counter);
__u64 traffic_packets(const struct program *program, __u32 counter);
__u64 traffic_all_packets(const struct program *program);
