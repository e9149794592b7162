/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Two CPUs at full speed, each repeating a frame of its own. */

#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/program.h"

#define TRAFFIC_CPUS    2
#define TRAFFIC_POLL_US 2000

/* Uses the first two CPUs available to this process; on a machine with one, both senders share it.
 */
void traffic_prepare(const struct program *program);

/* Sets the frame of one sender. */
void traffic_set(int sender, const struct frame_spec *spec);

void traffic_start(void);

/* Returns the number of frames sent, by the counters; 0 after an error. */
__u64 traffic_stop(void);

/* The same in rounds of that many frames. Rounds leave gaps, but the number sent is known without
 * the counters. */
void traffic_start_rounds(__u32 frames);
__u64 traffic_stop_rounds(void);

struct xrl_counter_pair traffic_count(const struct program *program, __u32 counter);
__u64 traffic_packets(const struct program *program, __u32 counter);
__u64 traffic_all_packets(const struct program *program);
