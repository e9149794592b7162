/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <jansson.h>

#include "user/datapath/maps.h"

/* The active policy as `status --json` and the HTTP API have it. null: there is none. */
json_t *policy_json(struct maps *maps);
