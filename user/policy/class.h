/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>

#include "include/policy.h"

#define CLASS_DEFAULT_MAX_PACKETS 10000 /* per second and source */
#define CLASS_MAX_ICMP_ERRORS     100   /* per second and source */

/* No limits except that of ICMP errors; the action is drop. */
void class_set_empty(struct xrl_class *class);

/* The default policy: 10000 packets a second for every source, and drop. */
void class_set_default(struct xrl_class *class);

/* The longest time for which any limit of the class remembers a source. */
__u64 class_longest_limit_ns(const struct xrl_class *class);

/* The same for the bucket, which may also have a penalty. */
__u64 class_longest_ns(const struct xrl_class *class);

/* Computes the fields derived from the limits. Call it after setting them. */
void class_derive(struct xrl_class *class);
