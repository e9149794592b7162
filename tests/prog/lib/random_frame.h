/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Random frames: valid, mutated and random ones, from a few hundred sources. */

#include <linux/types.h>

#include "include/address.h"

#define RANDOM_SOURCES 200
#define RANDOM_PORTS   6

extern __u64 random_state;

__u64 random64(void);
__u32 random_below(__u32 limit);
int one_in(__u32 chance);

/* Chooses the sources. */
void random_frame_seed(__u64 seed);

/* The same with the seed that is the first argument, or in the environment as SEED, or else another
 * one each time. Prints it. */
void random_frame_seed_from(int argc, char **argv);

/* A few of them send most. */
struct xrl_address random_address(void);
__u16 random_port(void);

/* Returns the length. The buffer has FRAME_ROOM. */
__u32 random_frame(unsigned char *frame);
