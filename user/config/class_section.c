// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* The keys of [class NAME]. */

#include <string.h>

#include "user/policy/action.h"
#include "user/util/duration.h"
#include "user/policy/limit.h"
#include "user/config/policy_sections.h"
#include "user/util/quote.h"

static struct class_lines *lines_of(struct policy_sections *sections)
{
	return &sections->lines[sections->class_number];
}

/* The limits of one kind, and their lines in the file. */
struct limit_list {
	struct xrl_limit *limits;
	int *lines;
	__u32 *count;
	__u32 most;
	const char *kind;
};

static struct limit_list list_for(struct policy_sections *sections, const struct xrl_limit *limit)
{
	struct xrl_class *class = policy_sections_class(sections);
	struct class_lines *lines = lines_of(sections);

	if (limit->scope_bits == XRL_SCOPE_SOURCE && !limit->endpoint_protocol)
		return (struct limit_list){class->limits, lines->limits, &class->limit_count,
		                           XRL_MAX_LIMITS, "without endpoint and scope"};
	return (struct limit_list){class->separate, lines->separate, &class->separate_count,
	                           XRL_MAX_SCOPED, "with an endpoint or a scope"};
}

static void add_limit(struct policy_sections *sections, int line, const char *value,
                      const struct xrl_limit *limit)
{
	struct limit_list list = list_for(sections, limit);
	char quoted[QUOTE_SIZE];

	quote(quoted, value, strlen(value));
	for (__u32 i = 0; i < *list.count; i++)
		if (!memcmp(&list.limits[i], limit, sizeof(*limit))) {
			diagnostics_warning(sections->diagnostics, line,
			                    "limit '%s' is given twice, first on line %d", quoted,
			                    list.lines[i]);
			return;
		}
	if (*list.count == list.most) {
		diagnostics_error(sections->diagnostics, line,
		                  "limit '%s': a class has at most %u limits %s", quoted, list.most,
		                  list.kind);
		return;
	}
	list.lines[*list.count] = line;
	list.limits[*list.count] = *limit;
	*list.count += 1;
}

void class_section_limit(struct policy_sections *sections, int line, const char *value)
{
	char parse_error[PARSE_ERROR_SIZE];
	struct xrl_limit limit;

	lines_of(sections)->limit = line;
	if (limit_parse(value, &limit, parse_error, sizeof(parse_error)))
		diagnostics_error(sections->diagnostics, line, "%s", parse_error);
	else
		add_limit(sections, line, value, &limit);
}

void class_section_action(struct policy_sections *sections, int line, const char *value)
{
	struct action_error action_error;
	struct action action;

	if (action_read(value, &action, &action_error)) {
		diagnostics_error(sections->diagnostics, line, "%s", action_error.text);
		return;
	}
	if (action_needs_program_behind(&action))
		diagnostics_warning(sections->diagnostics, line, ACTION_NEEDS_PROGRAM,
		                    action.interface);
	action_apply(&action, policy_sections_class(sections));
	if (sections->class_number < XRL_MAX_CLASSES)
		sections->policy->redirects[sections->class_number] = action.ifindex;
}

void class_section_penalty(struct policy_sections *sections, int line, const char *value)
{
	const char *at = value;
	char quoted[QUOTE_SIZE];
	__u64 period_ns;

	lines_of(sections)->penalty = line;
	if (duration_take(&at, &period_ns) || *at || period_ns < LIMIT_MIN_PERIOD_NS ||
	    period_ns > LIMIT_MAX_PERIOD_NS)
		diagnostics_error(
			sections->diagnostics, line,
			"penalty '%s': expected a whole number and one of ms, s, m, h, d, "
			"from 100ms to 31d",
			quote(quoted, value, strlen(value)));
	else
		limit_set_penalty(&policy_sections_class(sections)->penalty, period_ns);
}

void class_section_warn(struct policy_sections *sections, int line, const char *value)
{
	struct xrl_class *class = policy_sections_class(sections);
	const char *at = value;
	char quoted[QUOTE_SIZE];
	__u64 percent;

	lines_of(sections)->warn = line;
	if (number_take(&at, &percent) || strcmp(at, "%") || !percent || percent > 100) {
		diagnostics_error(sections->diagnostics, line, "warn '%s': expected 1%% to 100%%",
		                  quote(quoted, value, strlen(value)));
		return;
	}
	class->warns = 1;
	class->warn_percent = percent;
}

void class_section_cidrs(struct policy_sections *sections, int line, const char *value)
{
	char item[POLICY_ITEM_SIZE], parse_error[PARSE_ERROR_SIZE];
	struct xrl_cidr cidr;

	lines_of(sections)->sources = line;
	while (value) {
		value = policy_sections_item(value, item);
		if (cidr_parse("sources", item, &cidr,
		               &(struct parse_error){parse_error, sizeof(parse_error)})) {
			diagnostics_error(sections->diagnostics, line, "%s", parse_error);
			continue;
		}
		if (sections->class_number == XRL_MAX_CLASSES || sections->too_many_cidrs ||
		    cidr_list_add(&sections->cidrs, &cidr, sections->class_number, line))
			continue;
		sections->too_many_cidrs = true;
		diagnostics_error(sections->diagnostics, line,
		                  "more than %d addresses and networks", XRL_MAX_CIDRS);
	}
}
