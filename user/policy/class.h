/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "include/policy.h"

#define CLASS_DEFAULT_MAX_PACKETS 10000 /* per second and source */
#define CLASS_MAX_ICMP_ERRORS     100   /* per second and source */

/* No limits, but for ICMP errors, and drop. */
void class_set_empty(struct xrl_class *class);

/* The default policy: 10000 packets a second for every source, and drop. */
void class_set_default(struct xrl_class *class);

/* For so long, at the most, does a limit of the class remember anything of a source. */
__u64 class_longest_limit_ns(const struct xrl_class *class);

/* And the bucket, which may have a penalty. */
__u64 class_longest_ns(const struct xrl_class *class);

/* Computes what follows from the limits: call it when they have been set. */
void class_derive(struct xrl_class *class);
