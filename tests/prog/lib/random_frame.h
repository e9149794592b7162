/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Random frames from a few hundred sources: valid, mutated, and random bytes. */

#include <linux/types.h>

#include "include/address.h"
#include "tests/prog/lib/program.h"

#define RANDOM_SOURCES 200
#define RANDOM_PORTS   6

extern __u64 random_state;

__u64 random64(void);
__u32 random_below(__u32 limit);
int one_in(__u32 chance);

/* Seeds the generator and chooses the sources. */
void random_frame_seed(__u64 seed);

/* The main part of a test that takes [SEED [FRAMES]]: seeds the generator from the first argument,
 * from the environment (SEED) or from the clock, prints the seed, pins the process, and runs
 * `check` for both entry points; the second one gets a third of the frames. */
void random_frame_run(int argc, char **argv, __u32 default_frames,
                      void (*check)(enum program_entry, __u32 frames));

/* An eighth of the sources are drawn more often than not. */
struct xrl_address random_address(void);
__u16 random_port(void);

/* Returns the length. The buffer must hold FRAME_ROOM bytes. */
__u32 random_frame(unsigned char *frame);
