// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/output/policy.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/datapath/generation.h"
#include "user/policy/action.h"
#include "user/datapath/cidr_map.h"
#include "user/util/duration.h"
#include "user/policy/gate.h"
#include "user/output/gate.h"
#include "user/policy/limit.h"

#define SHA256_SHOWN 6 /* bytes of it in words */

/* A policy that is shown. */
struct view {
	struct maps *maps;
	const struct xrl_policy *policy;
	__u32 generation;
	__u32 cidrs_of[XRL_MAX_CLASSES];
};

static bool open_view(struct view *view, struct maps *maps)
{
	struct policy_cidr *cidrs;
	size_t count;

	*view = (struct view){.maps = maps};
	view->policy = generation_policy(maps, &view->generation);
	if (!view->policy)
		return false;
	if (cidr_map_read(maps, view->generation & 1, &cidrs, &count))
		warn("the CIDRs of the policy in force can't be read");
	for (size_t i = 0; i < count; i++)
		view->cidrs_of[cidrs[i].class_number & (XRL_MAX_CLASSES - 1)]++;
	free(cidrs);
	return true;
}

static const char *class_name(const struct view *view, __u32 number)
{
	return number < XRL_MAX_CLASSES ? view->policy->classes[number].name : NULL;
}

static __u32 count_classes(const struct view *view)
{
	__u32 count = 0;

	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++)
		count += view->policy->classes[i].name[0] != '\0';
	return count;
}

static void format_hash(const struct xrl_policy *policy, size_t bytes, char *text)
{
	for (size_t i = 0; i < bytes; i++)
		sprintf(text + 2 * i, "%02x", policy->sha256[i]);
}

static const char *format_action(const struct view *view, __u32 number,
                                 char action[ACTION_TEXT_SIZE])
{
	action_format(&view->policy->classes[number],
	              generation_redirect(view->maps, view->generation, number), action,
	              ACTION_TEXT_SIZE);
	return action;
}

static bool is_port_set(const __u8 *ports, unsigned int port)
{
	return port < 65536 && ports[port / 8] >> port % 8 & 1;
}

/* Calls `take` for each range of ports of one protocol. */
static void each_range(const __u8 *ports, __u8 protocol,
                       void (*take)(const char *text, void *context), void *context)
{
	char text[ENDPOINT_TEXT_SIZE];

	for (unsigned int first = 0, last; first < 65536; first = last + 1) {
		struct endpoint endpoint = {.protocol = protocol, .first_port = first};

		last = first;
		if (!is_port_set(ports, first))
			continue;
		while (is_port_set(ports, last + 1))
			last++;
		endpoint.last_port = last;
		endpoint_format(&endpoint, text);
		take(text, context);
	}
}

static void each_protected(const struct view *view, void (*take)(const char *text, void *context),
                           void *context)
{
	struct xrl_ports *ports = maps_mmap(view->maps, MAP_PROTECTED_PORTS, false);
	const struct xrl_ports *in_force = ports ? &ports[view->generation & 1] : NULL;

	if (in_force) {
		each_range(in_force->tcp, IPPROTO_TCP, take, context);
		each_range(in_force->udp, IPPROTO_UDP, take, context);
	}
	maps_munmap(ports, MAP_PROTECTED_PORTS);
}

/* ---- in JSON ---- */

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

static json_t *class_json(const struct view *view, __u32 number)
{
	const struct xrl_class *class = &view->policy->classes[number];
	char icmp_errors[LIMIT_TEXT_SIZE], action[ACTION_TEXT_SIZE];
	json_t *penalty = class->penalty.period_ns
	                          ? json_real((double)class->penalty.period_ns / SECOND_NS)
	                          : json_null();

	limit_format(&class->limits[XRL_ICMP_ERRORS], icmp_errors, sizeof(icmp_errors));
	return json_pack("{s:s, s:o, s:s, s:s, s:o, s:o, s:I}", "name", class->name, "limits",
	                 limits_json(class), "icmp_errors", icmp_errors, "action",
	                 format_action(view, number, action), "penalty_seconds", penalty,
	                 "warn_percent",
	                 class->warn_percent ? json_integer(class->warn_percent) : json_null(),
	                 "cidrs", (json_int_t)view->cidrs_of[number]);
}

static json_t *file_json(const struct view *view)
{
	return view->policy->file[0] ? result_text(view->policy->file) : json_null();
}

static json_t *hash_json(const struct view *view)
{
	char hash[2 * sizeof(view->policy->sha256) + 1];

	if (!view->policy->file[0])
		return json_null();
	format_hash(view->policy, sizeof(view->policy->sha256), hash);
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

/* What is said of a class, once more on its own where there is only one. */
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
	struct view view;

	if (!open_view(&view, maps))
		return json_null();
	classes = json_array();
	protect = json_array();
	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++)
		if (view.policy->classes[i].name[0])
			json_array_append_new(classes, class_json(&view, i));
	each_protected(&view, append_text, protect);
	result_format_time(since, view.policy->since_unix_seconds);
	policy = json_pack("{s:o, s:o, s:b, s:I, s:s, s:s?, s:s?, s:o, s:O, s:o, s:I, s:I}", "file",
	                   file_json(&view), "sha256", hash_json(&view), "actions_replaced",
	                   view.policy->actions_replaced, "generation", (json_int_t)view.generation,
	                   "since", since, "default_class",
	                   class_name(&view, view.policy->default_class), "permitted_class",
	                   class_name(&view, view.policy->permitted_class), "protect", protect,
	                   "classes", classes, "flood", gate_settings_json(&view.policy->flood),
	                   "cidrs", (json_int_t)view.policy->cidr_count, "sources",
	                   (json_int_t)maps_sources(maps));
	if (json_array_size(classes) == 1)
		append_only_class(policy, classes);
	json_decref(classes);
	return policy;
}

/* ---- in words ---- */

static void print_origin(const struct view *view)
{
	char since[RESULT_TIME_SIZE], hash[2 * SHA256_SHOWN + 1];

	result_format_time(since, view->policy->since_unix_seconds);
	if (view->policy->file[0]) {
		format_hash(view->policy, SHA256_SHOWN, hash);
		printf("policy     %s, sha256 %s...", view->policy->file, hash);
	} else {
		printf("policy     from the command line");
	}
	printf(", generation %u, since %s\n", view->generation, since);
	if (view->policy->actions_replaced)
		printf("           but for its actions: those were replaced on the command line, "
		       "until "
		       "reload\n");
}

static void print_limit(const struct xrl_limit *limit, const char *label, const char *what)
{
	char text[LIMIT_TEXT_SIZE];

	limit_format(limit, text, sizeof(text));
	printf("%-10s %s%s\n", label, text, what);
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
		print_limit(&class->limits[XRL_ICMP_ERRORS], "",
		            " that are ICMP errors, apart from those");
}

static void print_head(const struct view *view, __u32 number)
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

static const char *monitor_note(const struct view *view, const struct xrl_class *class)
{
	if (class->action != XRL_MONITOR)
		return "";
	return view->policy->file[0]
	               ? " (everything passes and is counted; another action puts it in force)"
	               : " (everything passes and is counted; --action drop puts it in force)";
}

static void print_class(const struct view *view, __u32 number)
{
	const struct xrl_class *class = &view->policy->classes[number];
	char action[ACTION_TEXT_SIZE], penalty[DURATION_TEXT_SIZE];

	print_limits(class);
	if (!class->limit_count && !class->separate_count)
		return;
	printf("action     %s%s\n", format_action(view, number, action), monitor_note(view, class));
	if (class->penalty.period_ns) {
		duration_format(class->penalty.period_ns, penalty, sizeof(penalty));
		printf("penalty    %s for all that comes after an excess\n", penalty);
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
	struct view view;
	int ranges = 0;
	bool only;

	if (!open_view(&view, maps)) {
		printf("policy     none yet\n");
		return;
	}
	only = count_classes(&view) == 1;
	print_origin(&view);
	each_protected(&view, print_range, &ranges);
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
