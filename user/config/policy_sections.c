// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/config/policy_sections.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>

#include "user/util/xalloc.h"
#include "user/policy/class.h"
#include "user/util/parse_error.h"
#include "user/policy/endpoint.h"
#include "user/policy/gate.h"
#include "user/policy/gate_parse.h"
#include "user/policy/limit.h"
#include "user/util/quote.h"

/* A key and the function that reads its value. */
struct policy_key {
	enum section section;
	const char *key;
	void (*read)(struct policy_sections *sections, int line, const char *value);
	bool repeats;
};

void policy_sections_begin(struct policy_sections *sections, struct policy *policy,
                           struct diagnostics *diagnostics)
{
	*policy = (struct policy){.compiled = xcalloc(1, sizeof(*policy->compiled))};
	*sections = (struct policy_sections){
		.policy = policy,
		.diagnostics = diagnostics,
		.class_number = XRL_MAX_CLASSES,
	};
	policy->compiled->default_class = XRL_MAX_CLASSES;
	policy->compiled->permitted_class = XRL_MAX_CLASSES;
	gate_set_default(&policy->compiled->flood);
}

struct xrl_class *policy_sections_class(struct policy_sections *sections)
{
	if (sections->class_number == XRL_MAX_CLASSES)
		return &sections->stray;
	return &sections->policy->compiled->classes[sections->class_number];
}

const char *policy_sections_item(const char *at, char item[POLICY_ITEM_SIZE])
{
	const char *from = at + strspn(at, " \t"), *end = from + strcspn(from, ",");
	size_t length = end - from;

	while (length && (from[length - 1] == ' ' || from[length - 1] == '\t'))
		length--;
	if (length < POLICY_ITEM_SIZE)
		snprintf(item, POLICY_ITEM_SIZE, "%.*s", (int)length, from);
	else
		snprintf(item, POLICY_ITEM_SIZE, "%.*s...", POLICY_ITEM_SIZE - 4, from);
	return *end ? end + 1 : NULL;
}

static bool is_class_name(const char *name)
{
	size_t length = strlen(name);

	if (!length || length >= XRL_CLASS_NAME_SIZE)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isascii(name[i]) || (!isalnum(name[i]) && !strchr("-_.", name[i])))
			return false;
	return true;
}

static void read_sources(struct policy_sections *sections, int line, const char *value)
{
	char parse_error[PARSE_ERROR_SIZE];

	if (policy_parse_max_sources(value, &sections->policy->sources,
	                             &(struct parse_error){parse_error, sizeof(parse_error)}))
		diagnostics_error(sections->diagnostics, line, "%s", parse_error);
}

static void read_reference(struct policy_sections *sections, int line, const char *key,
                           const char *value, struct class_reference *reference)
{
	char quoted[QUOTE_SIZE];

	reference->line = line;
	if (is_class_name(value))
		strcpy(reference->name, value);
	else
		diagnostics_error(sections->diagnostics, line,
		                  "%s '%s': expected the name of a class", key,
		                  quote(quoted, value, strlen(value)));
}

static void read_default(struct policy_sections *sections, int line, const char *value)
{
	read_reference(sections, line, "default", value, &sections->default_class);
}

static void read_permitted(struct policy_sections *sections, int line, const char *value)
{
	read_reference(sections, line, "class", value, &sections->permitted_class);
}

static void protect(struct xrl_ports *ports, const struct endpoint *endpoint)
{
	__u8 *bits = endpoint->protocol == IPPROTO_TCP ? ports->tcp : ports->udp;

	for (__u32 port = endpoint->first_port; port <= endpoint->last_port; port++)
		port_add(bits, port);
}

static void read_protect(struct policy_sections *sections, int line, const char *value)
{
	char item[POLICY_ITEM_SIZE], parse_error[PARSE_ERROR_SIZE];
	struct endpoint endpoint;

	while (value) {
		value = policy_sections_item(value, item);
		if (endpoint_parse("protect", item, &endpoint,
		                   &(struct parse_error){parse_error, sizeof(parse_error)}))
			diagnostics_error(sections->diagnostics, line, "%s", parse_error);
		else
			protect(&sections->policy->protected_ports, &endpoint);
	}
}

static void read_icmp_limit(struct policy_sections *sections, int line, const char *value)
{
	char parse_error[PARSE_ERROR_SIZE];

	if (limit_parse_icmp(value, &sections->icmp_limit, parse_error, sizeof(parse_error)))
		diagnostics_error(sections->diagnostics, line, "%s", parse_error);
}

static void read_gate(struct policy_sections *sections, int line, const char *value)
{
	char parse_error[PARSE_ERROR_SIZE];

	if (!gate_parse_mode(value, &sections->policy->compiled->flood.mode,
	                     &(struct parse_error){parse_error, sizeof(parse_error)}))
		return;
	sections->flood_mistaken = true;
	diagnostics_error(sections->diagnostics, line, "%s", parse_error);
}

static void read_rate(struct policy_sections *sections, const char *key, const char *value,
                      int line, __u64 *packets, __u64 *period_ns)
{
	char parse_error[PARSE_ERROR_SIZE];

	if (!gate_parse_rate(key, value, packets, period_ns,
	                     &(struct parse_error){parse_error, sizeof(parse_error)}))
		return;
	sections->flood_mistaken = true;
	diagnostics_error(sections->diagnostics, line, "%s", parse_error);
}

static void read_newcomers(struct policy_sections *sections, int line, const char *value)
{
	struct xrl_flood *flood = &sections->policy->compiled->flood;

	sections->newcomers_line = line;
	read_rate(sections, "newcomers", value, line, &flood->newcomers_packets,
	          &flood->newcomers_period_ns);
}

static void read_prefix(struct policy_sections *sections, int line, const char *value)
{
	struct xrl_flood *flood = &sections->policy->compiled->flood;

	sections->prefix_line = line;
	read_rate(sections, "prefix", value, line, &flood->prefix_packets,
	          &flood->prefix_period_ns);
}

static const struct policy_key keys[] = {
	{SECTION_LIMITER, "sources", read_sources, false},
	{SECTION_LIMITER, "default", read_default, false},
	{SECTION_LIMITER, "protect", read_protect, false},
	{SECTION_CLASS, "sources", class_section_cidrs, true},
	{SECTION_CLASS, "limit", class_section_limit, true},
	{SECTION_CLASS, "action", class_section_action, false},
	{SECTION_CLASS, "penalty", class_section_penalty, false},
	{SECTION_CLASS, "warn", class_section_warn, false},
	{SECTION_ICMP_ERRORS, "limit", read_icmp_limit, false},
	{SECTION_FLOOD, "gate", read_gate, false},
	{SECTION_FLOOD, "newcomers", read_newcomers, false},
	{SECTION_FLOOD, "prefix", read_prefix, false},
	{SECTION_PERMITS, "class", read_permitted, false},
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

_Static_assert(KEYS == POLICY_KEYS, "a line for each of them");

/* Rejects a second section of this name. */
static void take_only(struct policy_sections *sections, int line, const char *name,
                      int *line_before)
{
	if (*line_before)
		diagnostics_error(sections->diagnostics, line,
		                  "section [%s] is given twice, first on line %d", name,
		                  *line_before);
	else
		*line_before = line;
}

/* The keys of an invalid section are read for their errors only. */
static void begin_stray(struct policy_sections *sections, int line)
{
	sections->class_number = XRL_MAX_CLASSES;
	class_set_empty(&sections->stray);
	sections->lines[XRL_MAX_CLASSES] = (struct class_lines){.section = line};
}

static bool find_class(const struct xrl_policy *policy, const char *name, __u32 *number)
{
	__u32 count = policy_count_classes(policy);

	for (*number = 0; *number < count; ++*number)
		if (!strcmp(policy->classes[*number].name, name))
			return true;
	return false;
}

static void begin_class(struct policy_sections *sections, int line, const char *name)
{
	struct policy *policy = sections->policy;
	__u32 number = policy_count_classes(policy->compiled), before;
	char quoted[QUOTE_SIZE];

	begin_stray(sections, line);
	if (!is_class_name(name)) {
		diagnostics_error(sections->diagnostics, line,
		                  "class '%s': expected a name of 1 to %d letters, digits, '-', "
		                  "'_' or '.'",
		                  quote(quoted, name, strlen(name)), XRL_CLASS_NAME_SIZE - 1);
	} else if (find_class(policy->compiled, name, &before)) {
		diagnostics_error(sections->diagnostics, line,
		                  "class '%s' is given twice, first on line %d", name,
		                  sections->lines[before].section);
	} else if (!policy_add_class(policy, name)) {
		diagnostics_error(sections->diagnostics, line, "class '%s': at most %d classes",
		                  name, XRL_MAX_CLASSES);
	} else {
		sections->class_number = number;
		sections->lines[number] = (struct class_lines){.section = line};
	}
	if (sections->class_number == XRL_MAX_CLASSES)
		sections->class_missing = true;
}

void policy_sections_enter(struct policy_sections *sections, int line, enum section section,
                           const char *name)
{
	sections->given = true;
	for (size_t i = 0; i < KEYS; i++)
		if (keys[i].section == section)
			sections->line_of[i] = 0;
	if (section == SECTION_LIMITER)
		take_only(sections, line, "limiter", &sections->limiter_line);
	else if (section == SECTION_ICMP_ERRORS)
		take_only(sections, line, "icmp-errors", &sections->icmp_line);
	else if (section == SECTION_FLOOD)
		take_only(sections, line, "flood", &sections->flood_line);
	else if (section == SECTION_CLASS)
		begin_class(sections, line, name);
	else /* it may be a misspelled class */
		sections->class_missing = true;
}

static const struct policy_key *find_key(enum section section, const char *key)
{
	for (size_t i = 0; i < KEYS; i++)
		if (keys[i].section == section && !strcmp(keys[i].key, key))
			return &keys[i];
	return NULL;
}

void policy_sections_set(struct policy_sections *sections, int line, const char *section,
                         const char *key, const char *value)
{
	const struct policy_key *found = find_key(section_find(section), key);
	char parse_error[PARSE_ERROR_SIZE];
	int before;

	if (!found) {
		section_fail_key(&(struct parse_error){parse_error, sizeof(parse_error)}, section,
		                 key);
		diagnostics_error(sections->diagnostics, line, "%s", parse_error);
		return;
	}
	before = sections->line_of[found - keys];
	sections->line_of[found - keys] = line;
	if (before && !found->repeats)
		diagnostics_error(sections->diagnostics, line,
		                  "'%s' is given twice, first on line %d", key, before);
	else
		found->read(sections, line, value);
}

void policy_sections_free(struct policy_sections *sections)
{
	cidr_list_free(&sections->cidrs);
}
