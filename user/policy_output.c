// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "policy_output.h"

#include <stdio.h>

#include "action.h"
#include "limit.h"

json_t *policy_json(const struct instance *instance)
{
	char action[ACTION_TEXT_SIZE], text[LIMIT_TEXT_SIZE];
	__u32 redirect, generation;
	struct xrl_class class;
	json_t *limits;

	if (!instance_read_policy(instance, &class, &redirect, &generation))
		return json_null();
	limits = json_array();
	for (__u32 i = 0; i < class.limit_count; i++) {
		limit_format(&class.limits[i], text, sizeof(text));
		json_array_append_new(limits, json_string(text));
	}
	action_format(&class, redirect, action, sizeof(action));
	limit_format(&class.limits[XRL_ICMP_ERRORS], text, sizeof(text));
	return json_pack("{s:s, s:o, s:s, s:s, s:I, s:I}", "class", "default", "limits", limits,
	                 "icmp_errors", text, "action", action, "generation",
	                 (json_int_t)generation, "sources", (json_int_t)instance_sources(instance));
}

void policy_print(const struct instance *instance)
{
	char action[ACTION_TEXT_SIZE], text[LIMIT_TEXT_SIZE];
	__u32 redirect, generation;
	struct xrl_class class;

	if (!instance_read_policy(instance, &class, &redirect, &generation)) {
		printf("policy     none yet\n");
		return;
	}
	for (__u32 i = 0; i < class.limit_count; i++) {
		limit_format(&class.limits[i], text, sizeof(text));
		printf("%-10s %s for every source\n", i ? "" : "limits", text);
	}
	limit_format(&class.limits[XRL_ICMP_ERRORS], text, sizeof(text));
	printf("           %s that are ICMP errors, apart from those\n", text);
	action_format(&class, redirect, action, sizeof(action));
	printf("action     %s%s\n", action,
	       class.action == XRL_MONITOR
	               ? " (everything passes and is counted; --action drop puts it in force)"
	               : "");
	printf("sources    %u buckets\n", instance_sources(instance));
}
