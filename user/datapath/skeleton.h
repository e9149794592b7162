/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The program and its types, in the order that the generated file needs them. */
#include <stdbool.h>
#include <linux/types.h>

#include "include/address.h"
#include "include/bucket.h"
#include "include/counters.h"
#include "include/permit.h"
#include "include/policy.h"
#include "include/program.h"
#include "xdp_ratelimit.skel.h"

#include "user/util/result.h"

struct maps;

/* Makes a program use the shared maps that are there. */
enum exit_code maps_reuse(const struct maps *maps, struct xdp_ratelimit_bpf *skeleton);
