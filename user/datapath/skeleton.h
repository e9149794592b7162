/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The generated skeleton of the program, with the types that it needs before it. */
#include <stdbool.h>
#include <linux/types.h>

#include "include/address.h"
#include "include/bucket.h"
#include "include/counters.h"
#include "include/permit.h"
#include "include/policy.h"
#include "include/program.h"
#include "xdp_ratelimit.skel.h"
