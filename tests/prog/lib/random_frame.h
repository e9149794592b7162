/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Random frames from a few hundred sources: valid, mutated, and random bytes. */

#include <linux/types.h>

#include "include/address.h"

#define RANDOM_SOURCES 200
#define RANDOM_PORTS   6

extern __u64 random_state;

__u64 random64(void);
__u32 random_below(__u32 limit);
int one_in(__u32 chance);

/* Seeds the generator and chooses the sources. */
void random_frame_seed(__u64 seed);

/* Takes the seed from the first argument, from the environment (SEED), or from the clock, and
 * prints it. */
void random_frame_seed_from(int argc, char **argv);

/* An eighth of the sources are drawn more often than not. */
struct xrl_address random_address(void);
__u16 random_port(void);

/* Returns the length. The buffer must hold FRAME_ROOM bytes. */
__u32 random_frame(unsigned char *frame);
