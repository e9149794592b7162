/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <jansson.h>

#include "user/datapath/maps.h"

/* The policy in force, as every command shows it. */
json_t *policy_json(struct maps *maps);
void policy_print(struct maps *maps);
