// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Warnings about policies that are valid but probably not intended. */

#include <netinet/in.h>
#include <stdio.h>

#include "user/util/duration.h"
#include "user/policy/endpoint.h"
#include "user/policy/limit.h"
#include "user/policy/limit_compare.h"
#include "user/config/policy_sections.h"

#define ETHERNET_FRAME_BYTES 1514

/* A class under inspection, with all its limits in one list. */
struct view {
	const struct policy_sections *sections;
	const struct xrl_class *class;
	const struct class_lines *lines;
	__u32 number, limit_count;
	const struct xrl_limit *limits[XRL_MAX_LIMITS + XRL_MAX_SCOPED];
	int limit_lines[XRL_MAX_LIMITS + XRL_MAX_SCOPED];
};

static struct view view_class(const struct policy_sections *sections, __u32 number)
{
	const struct xrl_class *class = &sections->policy->compiled->classes[number];
	struct view view = {sections, class, &sections->lines[number], .number = number};

	for (__u32 i = 0; i < class->limit_count; i++) {
		view.limit_lines[view.limit_count] = view.lines->limits[i];
		view.limits[view.limit_count++] = &class->limits[i];
	}
	for (__u32 i = 0; i < class->separate_count; i++) {
		view.limit_lines[view.limit_count] = view.lines->separate[i];
		view.limits[view.limit_count++] = &class->separate[i];
	}
	return view;
}

/* Warns of one limit: "limit '...' REASON". */
static void doubt(const struct view *view, __u32 i, const char *reason)
{
	char text[LIMIT_TEXT_SIZE];

	limit_format(view->limits[i], text, sizeof(text));
	diagnostics_warning(view->sections->diagnostics, view->limit_lines[i], "limit '%s' %s",
	                    text, reason);
}

/* Warns of a limit that another limit of the class always reaches first. */
static void doubt_idle(const struct view *view, __u32 i)
{
	char text[LIMIT_TEXT_SIZE], reason[LIMIT_TEXT_SIZE + 80];

	for (__u32 j = 0; j < view->limit_count; j++) {
		const struct xrl_limit *limit = view->limits[i], *other = view->limits[j];

		if (i == j || !limit_always_first(other, limit) ||
		    (i < j && limit_always_first(limit, other)))
			continue;
		limit_format(other, text, sizeof(text));
		snprintf(reason, sizeof(reason),
		         "has no effect: '%s' on line %d is always reached first", text,
		         view->limit_lines[j]);
		doubt(view, i, reason);
		return;
	}
}

static bool is_protected(const struct xrl_ports *ports, const struct xrl_limit *limit)
{
	const __u8 *bits = limit->endpoint_protocol == IPPROTO_TCP ? ports->tcp : ports->udp;

	for (__u32 port = limit->first_port; port <= limit->last_port; port++)
		if (port_is_set(bits, port))
			return true;
	return false;
}

static void doubt_protected(const struct view *view, __u32 i)
{
	const struct xrl_ports *ports = &view->sections->policy->protected_ports;
	const struct xrl_limit *limit = view->limits[i];
	__u32 wants = policy_wants_of_ports(ports);
	bool is_of_tcp = limit->unit == XRL_CONNECTIONS || limit->unit == XRL_HTTP_REQUESTS;

	if (!wants)
		return;
	if (limit->endpoint_protocol && !is_protected(ports, limit))
		doubt(view, i, "never applies: 'protect' names none of its ports");
	else if (!limit->endpoint_protocol && is_of_tcp && !(wants & XRL_PROTECTS_TCP))
		doubt(view, i, "never applies: 'protect' names no TCP port");
}

static void doubt_size(const struct view *view, __u32 i)
{
	const struct xrl_limit *limit = view->limits[i];
	char reason[80];

	if (limit->unit != XRL_BYTES || limit->max_units >= ETHERNET_FRAME_BYTES)
		return;
	snprintf(reason, sizeof(reason), "rejects every frame larger than %llu bytes",
	         limit->max_units);
	doubt(view, i, reason);
}

static void doubt_http(const struct view *view, __u32 i)
{
	if (view->limits[i]->unit != XRL_HTTP_REQUESTS)
		return;
	for (__u32 j = 0; j < view->limit_count; j++)
		if (view->limits[j]->unit == XRL_CONNECTIONS)
			return;
	doubt(view, i, "counts only the requests that can be seen: add a limit of connections");
}

/* Warns of a class without limits that looks as if it should have some. */
static void doubt_trusted(const struct view *view)
{
	struct diagnostics *diagnostics = view->sections->diagnostics;

	if (view->lines->limit)
		return;
	if (view->lines->penalty)
		diagnostics_warning(diagnostics, view->lines->penalty,
		                    "'penalty' in class '%s', which has no limits",
		                    view->class->name);
	if (view->lines->warn)
		diagnostics_warning(diagnostics, view->lines->warn,
		                    "'warn' in class '%s', which has no limits", view->class->name);
	if (view->number == view->sections->policy->compiled->default_class)
		diagnostics_warning(diagnostics, view->lines->section,
		                    "the default class '%s' has no limits: sources that match no "
		                    "CIDR are not limited",
		                    view->class->name);
}

/* Silent if errors leave it open which classes are used. */
static void doubt_unused(const struct view *view)
{
	const struct xrl_policy *policy = view->sections->policy->compiled;

	if (policy->default_class == XRL_MAX_CLASSES || view->lines->sources ||
	    view->number == policy->default_class || view->number == policy->permitted_class)
		return;
	if (view->sections->permitted_class.line && policy->permitted_class == XRL_MAX_CLASSES)
		return;
	diagnostics_warning(view->sections->diagnostics, view->lines->section,
	                    "class '%s' is never used: it has no sources, and is neither the "
	                    "default class nor the class of permits",
	                    view->class->name);
}

static void doubt_class(const struct view *view)
{
	for (__u32 i = 0; i < view->limit_count; i++) {
		doubt_idle(view, i);
		doubt_protected(view, i);
		doubt_size(view, i);
		doubt_http(view, i);
	}
	doubt_trusted(view);
	doubt_unused(view);
}

/* Warns of a setting that has no effect while the gate is off. */
static void doubt_off(const struct policy_sections *sections, int line, const char *key)
{
	if (line)
		diagnostics_warning(sections->diagnostics, line,
		                    "'%s' has no effect while gate = off", key);
}

/* Warns of a prefix budget above the budget of all prefixes. With a smaller N in a shorter period
 * it can still be useful against a burst. */
static void doubt_prefix(const struct policy_sections *sections)
{
	const struct xrl_flood *flood = &sections->policy->compiled->flood;
	unsigned __int128 of_prefix, of_all;
	char prefix_period[DURATION_TEXT_SIZE], newcomers_period[DURATION_TEXT_SIZE];

	of_prefix = (unsigned __int128)flood->prefix_packets * flood->newcomers_period_ns;
	of_all = (unsigned __int128)flood->newcomers_packets * flood->prefix_period_ns;
	if (of_prefix <= of_all || flood->prefix_packets < flood->newcomers_packets)
		return;
	duration_format(flood->prefix_period_ns, prefix_period, sizeof(prefix_period));
	duration_format(flood->newcomers_period_ns, newcomers_period, sizeof(newcomers_period));
	diagnostics_warning(
		sections->diagnostics,
		sections->prefix_line ? sections->prefix_line : sections->newcomers_line,
		"prefix = %llu/%s has no effect: newcomers = %llu/%s, for all prefixes together, "
		"is lower",
		flood->prefix_packets, prefix_period, flood->newcomers_packets, newcomers_period);
}

/* Silent if an error leaves it open what is set. */
static void doubt_flood(const struct policy_sections *sections)
{
	if (sections->flood_mistaken)
		return;
	if (sections->policy->compiled->flood.mode != XRL_FLOOD_OFF) {
		doubt_prefix(sections);
		return;
	}
	doubt_off(sections, sections->newcomers_line, "newcomers");
	doubt_off(sections, sections->prefix_line, "prefix");
}

void lint_policy(const struct policy_sections *sections)
{
	__u32 count = policy_count_classes(sections->policy->compiled);

	for (__u32 i = 0; i < count; i++) {
		struct view view = view_class(sections, i);

		doubt_class(&view);
	}
	if (sections->icmp_line && policy_wants_of_ports(&sections->policy->protected_ports))
		diagnostics_warning(
			sections->diagnostics, sections->icmp_line,
			"[icmp-errors] has no effect with 'protect': ICMP always passes");
	doubt_flood(sections);
}
