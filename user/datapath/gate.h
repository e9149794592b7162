/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The state of the gate against floods (bpf/verdict/admit.h), as the loader makes it and tells it
 * of permits. */

#include "user/datapath/maps.h"

/* Of a new gate, for so many buckets: a random order of addresses, which nobody else knows. */
enum exit_code gate_init(const struct maps *maps, __u32 sources);

/* Tells a new gate of the permits that are there already. */
enum exit_code gate_add_permits(const struct maps *maps);

/* To be called before permits are written: from then on the gate looks for those of which it is
 * told by gate_expect_permit, in the memory of the map `flood` that this returns, to be unmapped.
 * NULL: errno says why not. */
struct xrl_flood_state *gate_expect_permits(const struct maps *maps);
