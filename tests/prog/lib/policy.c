// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tests/prog/lib/policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/policy/class.h"
#include "user/policy/limit.h"
#include "user/policy/policy.h"

#define TEXT_SIZE        128
#define CIDRS            32
#define SEPARATE_ENTRIES 4096

static void must(int good, const char *text)
{
	if (good)
		return;
	printf("Bail out! cannot parse '%s'\n", text);
	exit(1);
}

static struct xrl_limit parse_rate(const char *text)
{
	struct xrl_limit limit;
	char parse_error[256];

	must(!limit_parse(text, &limit, parse_error, sizeof(parse_error)), text);
	return limit;
}

struct text_endpoint {
	__u32 protocol, first, last;
};

static struct text_endpoint parse_endpoint(const char *text)
{
	struct text_endpoint endpoint = {.protocol = strncmp(text, "udp/", 4) ? IPPROTO_TCP
	                                                                      : IPPROTO_UDP};
	int count = sscanf(text + 4, "%u-%u", &endpoint.first, &endpoint.last);

	must(count > 0, text);
	if (count == 1)
		endpoint.last = endpoint.first;
	return endpoint;
}

static void set_endpoint(struct xrl_limit *limit, const char *text)
{
	struct text_endpoint endpoint = parse_endpoint(text);

	limit->endpoint_protocol = endpoint.protocol;
	limit->first_port = endpoint.first;
	limit->last_port = endpoint.last;
}

static void take_word(struct xrl_limit *limit, const char *word)
{
	char *argument = strchr(word, ' ');

	if (!strncmp(word, "sliding", 7))
		limit->algorithm = XRL_SLIDING;
	else if (!strncmp(word, "token", 5))
		limit->algorithm = XRL_TOKEN;
	else if (!strncmp(word, "burst ", 6))
		limit->max_units = strtoull(argument, NULL, 10);
	else if (!strncmp(word, "scope /", 7))
		limit->scope_bits = strtoul(argument + 2, NULL, 10);
	else if (!strncmp(word, "scope class", 11))
		limit->scope_bits = XRL_SCOPE_CLASS;
	else if (!strncmp(word, "endpoint ", 9))
		set_endpoint(limit, argument + 1);
}

struct xrl_limit limit_from_text(const char *text)
{
	char rate[TEXT_SIZE];
	struct xrl_limit limit;
	const char *at;

	snprintf(rate, sizeof(rate), "%s", text);
	at = strchr(text, ' ');
	must(at != NULL, text);
	at = strchr(at + 1, ' ');
	if (at)
		rate[at - text] = 0;
	limit = parse_rate(rate);
	for (; at; at = strchr(at + 1, ' '))
		take_word(&limit, at + 1);
	limit_derive(&limit);
	return limit;
}

int limit_is_scoped(const struct xrl_limit *limit)
{
	return limit->endpoint_protocol || limit->scope_bits != XRL_SCOPE_SOURCE;
}

void class_add_limit(struct xrl_class *class, const struct xrl_limit *limit)
{
	int is_separate = limit_is_scoped(limit);

	must(is_separate ? class->separate_count < XRL_MAX_SCOPED
	                 : class->limit_count < XRL_MAX_LIMITS,
	     "limits: too many for a class");
	if (is_separate)
		class->separate[class->separate_count++] = *limit;
	else
		class->limits[class->limit_count++] = *limit;
}

static void set_warning(struct xrl_class *class, struct xrl_limit *limit)
{
	limit->warn_units = (limit->max_units * class->warn_percent + 99) / 100;
}

/* Only fixed windows make a class eligible for the fresh state. */
static int is_fixed(const struct xrl_class *class)
{
	for (__u32 i = 0; i < class->limit_count; i++)
		if (class->limits[i].algorithm != XRL_FIXED)
			return 0;
	return 1;
}

void class_complete(struct xrl_class *class)
{
	class->warns = class->warn_percent && (class->limit_count || class->separate_count);
	for (__u32 i = 0; i < class->limit_count; i++)
		set_warning(class, &class->limits[i]);
	for (__u32 i = 0; i < class->separate_count; i++)
		set_warning(class, &class->separate[i]);
	class_derive(class);
	if (!is_fixed(class))
		class->settled_max_jiffies = 0;
	class->is_plain = class->limit_count == 1 && !class->separate_count && !class->warns &&
	                  !class->penalty.period_ns && class->limits[0].unit == XRL_PACKETS &&
	                  is_fixed(class) && class->limits[0].used_bits == 40;
}

struct xrl_class class_from_text(const struct class_text *text)
{
	struct xrl_class class = {.action = text->action, .warn_percent = text->warn_percent};

	class.limits[XRL_ICMP_ERRORS] =
		limit_from_text(text->icmp_errors ? text->icmp_errors : "100/1h packets");
	for (int i = 0; i < POLICY_TEXT_LIMITS && text->limits[i]; i++) {
		struct xrl_limit limit = limit_from_text(text->limits[i]);

		class_add_limit(&class, &limit);
	}
	if (text->penalty)
		limit_set_penalty(&class.penalty, limit_from_text(text->penalty).period_ns);
	strcpy(class.name, "some");
	class_complete(&class);
	return class;
}

__u32 policy_wants_of_classes(const struct xrl_policy *policy, __u32 class_count)
{
	__u32 wants = 0;

	for (__u32 i = 0; i < class_count; i++)
		wants |= policy_wants_of_class(&policy->classes[i]);
	return wants;
}

__u32 ports_protect(struct xrl_ports *ports, const char *text)
{
	struct text_endpoint endpoint = parse_endpoint(text);
	int is_tcp = endpoint.protocol == IPPROTO_TCP;

	for (__u32 port = endpoint.first; port <= endpoint.last; port++)
		(is_tcp ? ports->tcp : ports->udp)[port / 8] |= 1 << port % 8;
	return XRL_WANTS_PORTS | XRL_PROTECTS | (is_tcp ? XRL_PROTECTS_TCP : XRL_PROTECTS_UDP);
}

static __u32 protect_all(struct program *program, const char *endpoints)
{
	struct xrl_ports *ports = program_next_ports(program);
	__u32 wants = 0;

	for (; endpoints; endpoints = strchr(endpoints, ' ')) {
		endpoints += *endpoints == ' ';
		wants |= ports_protect(ports, endpoints);
	}
	return wants;
}

static struct policy_cidr parse_cidr(const char *text, __u32 class_number)
{
	struct policy_cidr cidr = {.class_number = class_number};
	char address[TEXT_SIZE];

	must(sscanf(text, "%127[0-9.]/%u", address, &cidr.cidr.prefix_bits) == 2 &&
	             inet_pton(AF_INET, address, &cidr.cidr.address) == 1,
	     text);
	return cidr;
}

void program_set_text_cidrs(struct program *program, const struct policy_text *text)
{
	struct policy_cidr cidrs[CIDRS];
	size_t count = 0;

	for (__u32 i = 0; i < POLICY_TEXT_CLASSES; i++)
		for (const char *at = text->classes[i].sources; at; at = strchr(at, ' ')) {
			at += *at == ' ';
			must(count < CIDRS, at);
			cidrs[count++] = parse_cidr(at, i);
		}
	program_set_cidrs(program, cidrs, count);
}

/* Never returns the same id twice, so that the bucket of a new limit is unused. */
static __u32 next_id(struct program *program, const struct xrl_limit *limit)
{
	static __u32 last_id, place;

	if (limit->scope_bits != XRL_SCOPE_CLASS)
		return ++last_id;
	place = (place + 1) % XRL_CLASS_BUCKETS;
	memset(&program->class_buckets[place], 0, sizeof(program->class_buckets[place]));
	return place;
}

void program_reset_class(const struct program *program, struct xrl_class *class)
{
	program_reset_limits(program, class);
	class->penalty.since_generation = program->meta->generation + 1;
	for (__u32 i = 0; i < class->separate_count; i++)
		class->separate[i].id = next_id((struct program *)program, &class->separate[i]);
}

static int needs_map(const struct policy_text *text)
{
	for (int i = 0; i < POLICY_TEXT_CLASSES; i++)
		for (int j = 0; j < POLICY_TEXT_LIMITS && text->classes[i].limits[j]; j++)
			if (strstr(text->classes[i].limits[j], "endpoint") ||
			    strstr(text->classes[i].limits[j], "scope /"))
				return 1;
	return 0;
}

void program_activate(struct program *program, const struct policy_text *text)
{
	struct xrl_policy *policy = program_next_policy(program);

	for (int i = 0; i < POLICY_TEXT_CLASSES; i++) {
		policy->classes[i] = class_from_text(&text->classes[i]);
		program_reset_class(program, &policy->classes[i]);
	}
	policy->wants = policy_wants_of_classes(policy, POLICY_TEXT_CLASSES) |
	                protect_all(program, text->protect);
	if (text->permitted)
		policy->permitted_class = text->permitted;
	program_set_text_cidrs(program, text);
	program_set_scoped(program, needs_map(text) ? SEPARATE_ENTRIES : 0);
	program_commit(program);
}

struct xrl_policy *program_edit_policy(struct program *program)
{
	__u32 copy = program->meta->generation & 1;
	struct xrl_policy *policy = program_next_policy(program);

	*policy = program->policies[copy];
	*program_next_ports(program) = program->protected_ports[copy];
	program_keep_maps(program);
	return policy;
}
