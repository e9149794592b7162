/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "user/datapath/maps.h"
#include "user/policy/action.h"

/* The active policy, read for display. */
struct policy_view {
	struct maps *maps;
	const struct xrl_policy *policy; /* until maps_close() */
	__u32 generation;
	__u32 cidrs_of[XRL_MAX_CLASSES];
};

/* False: no policy is active yet. */
bool policy_view_open(struct policy_view *view, struct maps *maps);

/* NULL: no class has this number. */
const char *policy_view_class_name(const struct policy_view *view, __u32 number);
__u32 policy_view_count_classes(const struct policy_view *view);

/* The first `bytes` bytes of the file's SHA-256, in hexadecimal. */
void policy_view_format_hash(const struct xrl_policy *policy, size_t bytes, char *text);

/* Returns `action`. */
const char *policy_view_format_action(const struct policy_view *view, __u32 number,
                                      char action[ACTION_TEXT_SIZE]);

/* Calls `take` with each range of protected ports, TCP first. */
void policy_view_each_protected(const struct policy_view *view,
                                void (*take)(const char *text, void *context), void *context);
