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
	printf("Bail out! '%s' says nothing\n", text);
	exit(1);
}

static struct xrl_limit parse_rate(const char *text)
{
	struct xrl_limit limit;
	char complaint[256];

	must(!limit_parse(text, &limit, complaint, sizeof(complaint)), text);
	return limit;
}

struct endpoint {
	__u32 protocol, first, last;
};

static struct endpoint parse_endpoint(const char *text)
{
	struct endpoint endpoint = {.protocol =
	                                    strncmp(text, "udp/", 4) ? IPPROTO_TCP : IPPROTO_UDP};
	int count = sscanf(text + 4, "%u-%u", &endpoint.first, &endpoint.last);

	must(count > 0, text);
	if (count == 1)
		endpoint.last = endpoint.first;
	return endpoint;
}

static void set_endpoint(struct xrl_limit *limit, const char *text)
{
	struct endpoint endpoint = parse_endpoint(text);

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

struct xrl_limit policies_limit(const char *text)
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
	limit_finish(&limit);
	return limit;
}

int policies_is_separate(const struct xrl_limit *limit)
{
	return limit->endpoint_protocol || limit->scope_bits != XRL_SCOPE_SOURCE;
}

void policies_add_limit(struct xrl_class *class, const struct xrl_limit *limit)
{
	int is_separate = policies_is_separate(limit);

	must(is_separate ? class->separate_count < XRL_MAX_SEPARATE
	                 : class->limit_count < XRL_MAX_LIMITS,
	     "a limit too many");
	if (is_separate)
		class->separate[class->separate_count++] = *limit;
	else
		class->limits[class->limit_count++] = *limit;
}

static void set_warning(struct xrl_class *class, struct xrl_limit *limit)
{
	limit->warn_units = (limit->max_units * class->warn_percent + 99) / 100;
}

/* Only windows that begin when they are used can be called settled. */
static int is_fixed(const struct xrl_class *class)
{
	for (__u32 i = 0; i < class->limit_count; i++)
		if (class->limits[i].algorithm != XRL_FIXED)
			return 0;
	return 1;
}

void policies_finish_class(struct xrl_class *class)
{
	class->warns = class->warn_percent && (class->limit_count || class->separate_count);
	for (__u32 i = 0; i < class->limit_count; i++)
		set_warning(class, &class->limits[i]);
	for (__u32 i = 0; i < class->separate_count; i++)
		set_warning(class, &class->separate[i]);
	class_finish(class);
	if (!is_fixed(class))
		class->settled_max_jiffies = 0;
	class->is_plain = class->limit_count == 1 && !class->separate_count && !class->warns &&
	                  !class->penalty.period_ns && class->limits[0].unit == XRL_PACKETS &&
	                  is_fixed(class) && class->limits[0].used_bits == 40;
}

struct xrl_class policies_class(const struct class_text *text)
{
	struct xrl_class class = {.action = text->action, .warn_percent = text->warn_percent};

	class.limits[XRL_ICMP_ERRORS] =
		policies_limit(text->icmp_errors ? text->icmp_errors : "100/1h packets");
	for (int i = 0; i < POLICIES_LIMITS && text->limits[i]; i++) {
		struct xrl_limit limit = policies_limit(text->limits[i]);

		policies_add_limit(&class, &limit);
	}
	if (text->penalty)
		limit_set_penalty(&class.penalty, policies_limit(text->penalty).period_ns);
	strcpy(class.name, "some");
	policies_finish_class(&class);
	return class;
}

__u32 policies_wants(const struct xrl_policy *policy, __u32 class_count)
{
	__u32 wants = 0;

	for (__u32 i = 0; i < class_count; i++)
		wants |= policy_wants_of_class(&policy->classes[i]);
	return wants;
}

__u32 policies_protect(struct xrl_ports *ports, const char *text)
{
	struct endpoint endpoint = parse_endpoint(text);
	int is_tcp = endpoint.protocol == IPPROTO_TCP;

	for (__u32 port = endpoint.first; port <= endpoint.last; port++)
		(is_tcp ? ports->tcp : ports->udp)[port / 8] |= 1 << port % 8;
	return XRL_WANTS_PORTS | XRL_PROTECTS | (is_tcp ? XRL_PROTECTS_TCP : XRL_PROTECTS_UDP);
}

static __u32 protect_all(struct loaded *loaded, const char *endpoints)
{
	struct xrl_ports *ports = loaded_next_ports(loaded);
	__u32 wants = 0;

	for (; endpoints; endpoints = strchr(endpoints, ' ')) {
		endpoints += *endpoints == ' ';
		wants |= policies_protect(ports, endpoints);
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

void policies_set_cidrs(struct loaded *loaded, const struct policy_text *text)
{
	struct policy_cidr cidrs[CIDRS];
	size_t count = 0;

	for (__u32 i = 0; i < POLICIES_CLASSES; i++)
		for (const char *at = text->classes[i].sources; at; at = strchr(at, ' ')) {
			at += *at == ' ';
			must(count < CIDRS, at);
			cidrs[count++] = parse_cidr(at, i);
		}
	loaded_set_cidrs(loaded, cidrs, count);
}

/* Never twice the same: nobody has used what belongs to a new one. */
static __u32 next_id(struct loaded *loaded, const struct xrl_limit *limit)
{
	static __u32 last_id, place;

	if (limit->scope_bits != XRL_SCOPE_CLASS)
		return ++last_id;
	place = (place + 1) % XRL_CLASS_BUCKETS;
	memset(&loaded->class_buckets[place], 0, sizeof(loaded->class_buckets[place]));
	return place;
}

void policies_renew(const struct loaded *loaded, struct xrl_class *class)
{
	loaded_renew(loaded, class);
	class->penalty.since_generation = loaded->meta->generation + 1;
	for (__u32 i = 0; i < class->separate_count; i++)
		class->separate[i].id = next_id((struct loaded *)loaded, &class->separate[i]);
}

static int needs_map(const struct policy_text *text)
{
	for (int i = 0; i < POLICIES_CLASSES; i++)
		for (int j = 0; j < POLICIES_LIMITS && text->classes[i].limits[j]; j++)
			if (strstr(text->classes[i].limits[j], "endpoint") ||
			    strstr(text->classes[i].limits[j], "scope /"))
				return 1;
	return 0;
}

void policies_publish(struct loaded *loaded, const struct policy_text *text)
{
	struct xrl_policy *policy = loaded_next_policy(loaded);

	for (int i = 0; i < POLICIES_CLASSES; i++) {
		policy->classes[i] = policies_class(&text->classes[i]);
		policies_renew(loaded, &policy->classes[i]);
	}
	policy->wants =
		policies_wants(policy, POLICIES_CLASSES) | protect_all(loaded, text->protect);
	if (text->permitted)
		policy->permitted_class = text->permitted;
	policies_set_cidrs(loaded, text);
	loaded_set_separate(loaded, needs_map(text) ? SEPARATE_ENTRIES : 0);
	loaded_switch(loaded);
}

struct xrl_policy *policies_repeat(struct loaded *loaded)
{
	__u32 copy = loaded->meta->generation & 1;
	struct xrl_policy *policy = loaded_next_policy(loaded);

	*policy = loaded->policies[copy];
	*loaded_next_ports(loaded) = loaded->protected_ports[copy];
	loaded_repeat_maps(loaded);
	return policy;
}
