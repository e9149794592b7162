/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"

/* Creates the maps that are not open, with the gate's state in them, and carries permits over from
 * a pinned map of another size. Pins nothing. */
enum exit_code maps_create_missing(struct maps *maps, __u32 sources, __u32 permits);

/* Pins the maps that were created. */
enum exit_code maps_create_pins(struct maps *maps);
