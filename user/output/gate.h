/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"
#include "user/util/result.h"

/* The gate's state, as text and JSON. */

/* Packets per period, such as "50000/1s". */
#define GATE_RATE_SIZE 64
void gate_format_rate(__u64 packets, __u64 period_ns, char text[GATE_RATE_SIZE]);

/* For `status`: the state of the gate, and the buckets behind it. null or nothing: no gate. */
json_t *gate_json(struct maps *maps);
json_t *gate_buckets_json(struct maps *maps);
void gate_print(struct maps *maps);

/* For `stats`: the gate's totals. */
json_t *gate_totals_json(struct maps *maps);
void gate_print_totals(struct maps *maps);
