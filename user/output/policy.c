// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/output/policy.h"

#include <stdio.h>

#include "user/output/gate.h"
#include "user/output/policy_view.h"
#include "user/policy/gate.h"
#include "user/policy/limit.h"
#include "user/util/duration.h"

#define SHA256_SHOWN 6 /* bytes of the hash */

static void print_origin(const struct policy_view *view)
{
	char since[RESULT_TIME_SIZE], hash[2 * SHA256_SHOWN + 1];

	result_format_time(since, view->policy->since_unix_seconds);
	if (view->policy->file[0]) {
		policy_view_format_hash(view->policy, SHA256_SHOWN, hash);
		printf("policy     %s, sha256 %s...", view->policy->file, hash);
	} else {
		printf("policy     from the command line");
	}
	printf(", generation %u, since %s\n", view->generation, since);
	if (view->policy->actions_replaced)
		printf("           its actions are overridden on the command line, until the next "
		       "reload\n");
}

static void print_limit(const struct xrl_limit *limit, const char *label, const char *what)
{
	char text[LIMIT_TEXT_SIZE];

	limit_format(limit, text, sizeof(text));
	printf("%-10s %s%s\n", label, text, what);
}

static void print_icmp_errors(const struct xrl_limit *limit)
{
	char rate[GATE_RATE_SIZE];

	gate_format_rate(limit->max_units, limit->period_ns, rate);
	printf("%-10s %s ICMP error packets (separate limit)\n", "", rate);
}

static void print_limits(const struct xrl_class *class)
{
	const char *label = "limits";

	for (__u32 i = 0; i < class->limit_count; i++) {
		if (!class->limits[i].period_ns)
			continue;
		print_limit(&class->limits[i], label, " for every source");
		label = "";
	}
	for (__u32 i = 0; i < class->separate_count; i++, label = "") {
		const struct xrl_limit *limit = &class->separate[i];

		print_limit(limit, label,
		            limit->scope_bits == XRL_SCOPE_SOURCE ? " for every source" : "");
	}
	if (!class->limit_count && !class->separate_count)
		printf("limits     none: trusted\n");
	else
		print_icmp_errors(&class->limits[XRL_ICMP_ERRORS]);
}

static void print_head(const struct policy_view *view, __u32 number)
{
	const struct xrl_policy *policy = view->policy;

	printf("\nclass      %s", policy->classes[number].name);
	if (number == policy->default_class)
		printf(", the default");
	if (number == policy->permitted_class)
		printf(", of sources with a permit");
	if (view->cidrs_of[number])
		printf(", of %u CIDR%s", view->cidrs_of[number],
		       view->cidrs_of[number] == 1 ? "" : "s");
	printf("\n");
}

static const char *monitor_note(const struct policy_view *view, const struct xrl_class *class)
{
	if (class->action != XRL_MONITOR)
		return "";
	return view->policy->file[0]
	               ? " (everything passes and is counted; set another action to enforce it)"
	               : " (everything passes and is counted; --action drop enforces it)";
}

static void print_class(const struct policy_view *view, __u32 number)
{
	const struct xrl_class *class = &view->policy->classes[number];
	char action[ACTION_TEXT_SIZE], penalty[DURATION_TEXT_SIZE];

	print_limits(class);
	if (!class->limit_count && !class->separate_count)
		return;
	printf("action     %s%s\n", policy_view_format_action(view, number, action),
	       monitor_note(view, class));
	if (class->penalty.period_ns) {
		duration_format(class->penalty.period_ns, penalty, sizeof(penalty));
		printf("penalty    %s: everything is rejected for so long after a limit is "
		       "exceeded\n",
		       penalty);
	}
	if (class->warn_percent)
		printf("warning    at %u %% of a limit\n", class->warn_percent);
}

static void print_range(const char *text, void *context)
{
	int *count = context;

	printf("%s %s", *count ? "," : "protect   ", text);
	*count += 1;
}

static void print_gate_settings(const struct xrl_flood *flood)
{
	char newcomers[GATE_RATE_SIZE], prefix[GATE_RATE_SIZE];

	gate_format_rate(flood->newcomers_packets, flood->newcomers_period_ns, newcomers);
	gate_format_rate(flood->prefix_packets, flood->prefix_period_ns, prefix);
	printf("flood      gate %s", gate_mode_name(flood->mode));
	if (flood->mode != XRL_FLOOD_OFF)
		printf(", newcomers %s, prefix %s", newcomers, prefix);
	printf("\n");
}

void policy_print(struct maps *maps)
{
	struct policy_view view;
	int ranges = 0;
	bool only;

	if (!policy_view_open(&view, maps)) {
		printf("policy     none yet\n");
		return;
	}
	only = policy_view_count_classes(&view) == 1;
	print_origin(&view);
	policy_view_each_protected(&view, print_range, &ranges);
	if (ranges)
		printf("\n");
	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++) {
		if (!view.policy->classes[i].name[0])
			continue;
		if (!only)
			print_head(&view, i);
		print_class(&view, i);
	}
	printf("%s", only ? "" : "\n");
	print_gate_settings(&view.policy->flood);
	printf("sources    %u buckets\n", maps_sources(maps));
}
