// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/output/policy_json.h"

#include "user/output/gate.h"
#include "user/output/policy_view.h"
#include "user/policy/gate.h"
#include "user/policy/limit.h"
#include "user/util/duration.h"
#include "user/util/result.h"

static void append_text(const char *text, void *list)
{
	json_array_append_new(list, json_string(text));
}

static json_t *limits_json(const struct xrl_class *class)
{
	char text[LIMIT_TEXT_SIZE];
	json_t *limits = json_array();

	for (__u32 i = 0; i < class->limit_count; i++) {
		if (!class->limits[i].period_ns)
			continue;
		limit_format(&class->limits[i], text, sizeof(text));
		append_text(text, limits);
	}
	for (__u32 i = 0; i < class->separate_count; i++) {
		limit_format(&class->separate[i], text, sizeof(text));
		append_text(text, limits);
	}
	return limits;
}

static json_t *class_json(const struct policy_view *view, __u32 number)
{
	const struct xrl_class *class = &view->policy->classes[number];
	char icmp_errors[LIMIT_TEXT_SIZE], action[ACTION_TEXT_SIZE];
	json_t *penalty = class->penalty.period_ns
	                          ? json_real((double)class->penalty.period_ns / SECOND_NS)
	                          : json_null();

	limit_format(&class->limits[XRL_ICMP_ERRORS], icmp_errors, sizeof(icmp_errors));
	return json_pack("{s:s, s:o, s:s, s:s, s:o, s:o, s:I}", "name", class->name, "limits",
	                 limits_json(class), "icmp_errors", icmp_errors, "action",
	                 policy_view_format_action(view, number, action), "penalty_seconds",
	                 penalty, "warn_percent",
	                 class->warn_percent ? json_integer(class->warn_percent) : json_null(),
	                 "cidrs", (json_int_t)view->cidrs_of[number]);
}

static json_t *file_json(const struct policy_view *view)
{
	return view->policy->file[0] ? result_text(view->policy->file) : json_null();
}

static json_t *hash_json(const struct policy_view *view)
{
	char hash[2 * sizeof(view->policy->sha256) + 1];

	if (!view->policy->file[0])
		return json_null();
	policy_view_format_hash(view->policy, sizeof(view->policy->sha256), hash);
	return json_string(hash);
}

static json_t *gate_settings_json(const struct xrl_flood *flood)
{
	char newcomers[GATE_RATE_SIZE], prefix[GATE_RATE_SIZE];

	gate_format_rate(flood->newcomers_packets, flood->newcomers_period_ns, newcomers);
	gate_format_rate(flood->prefix_packets, flood->prefix_period_ns, prefix);
	return json_pack("{s:s, s:s, s:s}", "gate", gate_mode_name(flood->mode), "newcomers",
	                 newcomers, "prefix", prefix);
}

/* Repeats the fields of the only class at the top level. */
static void append_only_class(json_t *policy, json_t *classes)
{
	static const char *const fields[] = {"limits", "icmp_errors", "action"};
	const json_t *class = json_array_get(classes, 0);

	json_object_set(policy, "class", json_object_get(class, "name"));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		json_object_set(policy, fields[i], json_object_get(class, fields[i]));
}

json_t *policy_json(struct maps *maps)
{
	json_t *classes, *protect, *policy;
	char since[RESULT_TIME_SIZE];
	struct policy_view view;

	if (!policy_view_open(&view, maps))
		return json_null();
	classes = json_array();
	protect = json_array();
	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++)
		if (view.policy->classes[i].name[0])
			json_array_append_new(classes, class_json(&view, i));
	policy_view_each_protected(&view, append_text, protect);
	result_format_time(since, view.policy->since_unix_seconds);
	policy = json_pack(
		"{s:o, s:o, s:b, s:I, s:s, s:s?, s:s?, s:o, s:O, s:o, s:I, s:I}", "file",
		file_json(&view), "sha256", hash_json(&view), "actions_replaced",
		view.policy->actions_replaced, "generation", (json_int_t)view.generation, "since",
		since, "default_class", policy_view_class_name(&view, view.policy->default_class),
		"permitted_class", policy_view_class_name(&view, view.policy->permitted_class),
		"protect", protect, "classes", classes, "flood",
		gate_settings_json(&view.policy->flood), "cidrs",
		(json_int_t)view.policy->cidr_count, "sources", (json_int_t)maps_sources(maps));
	if (json_array_size(classes) == 1)
		append_only_class(policy, classes);
	json_decref(classes);
	return policy;
}
