// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tests/prog/lib/random_policy.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "tests/prog/lib/random_frame.h"
#include "user/policy/limit.h"
#include "tests/units.h"

#define MAX_CLASSES 6

/* The previous policy, from which limits are kept. */
static struct xrl_policy old;

/* Long enough that no window expires. Sliding windows are aligned to boot, not to their first
 * packet. */
static __u64 random_period_ns(enum xrl_algorithm algorithm)
{
	__u64 period_ns = (one_in(2) ? 31 : 30) * DAY_NS;
	__u64 left_ns = period_ns - boot_ns() % period_ns;

	if (algorithm == XRL_SLIDING && left_ns < 3600 * SECOND_NS)
		return period_ns - DAY_NS;
	return period_ns;
}

/* Few enough that the sources use them up within an epoch. */
static __u64 random_units(enum xrl_unit unit)
{
	__u64 most = one_in(2) ? 8 : 60;

	if (unit == XRL_CONNECTIONS || unit == XRL_HTTP_REQUESTS)
		most /= 4;
	return (1 + random_below(most)) * (unit == XRL_BYTES ? 200 : 1);
}

static struct xrl_limit random_limit(enum xrl_unit unit)
{
	struct xrl_limit limit;
	enum xrl_algorithm algorithm = one_in(2) ? XRL_FIXED : random_below(XRL_ALGORITHMS);

	limit_set(&limit, random_units(unit), random_period_ns(algorithm), unit);
	limit.algorithm = algorithm;
	/* a burst that differs from the rate; the refill stays below a unit */
	if (algorithm == XRL_TOKEN && one_in(2))
		limit.rate_units = 1 + limit.rate_units / 2;
	limit_derive(&limit);
	return limit;
}

static void set_endpoint(struct xrl_limit *limit)
{
	limit->endpoint_protocol =
		limit->unit < XRL_CONNECTIONS && one_in(2) ? IPPROTO_UDP : IPPROTO_TCP;
	limit->first_port = limit->last_port = random_port();
	if (one_in(3))
		limit->first_port = random_below(limit->last_port + 1);
}

/* More units, since several sources share them. */
static void set_scope(struct xrl_limit *limit)
{
	limit->scope_bits = one_in(2) ? XRL_SCOPE_CLASS : 1 + random_below(31);
	limit->max_units *= 1 + random_below(8);
	limit->rate_units = limit->max_units;
	limit_derive(limit);
}

static struct xrl_limit random_scoped_limit(struct random_policy *random)
{
	struct xrl_limit limit = random_limit(random_below(XRL_UNITS));

	if (one_in(2))
		set_endpoint(&limit);
	if (!limit.endpoint_protocol || one_in(2))
		set_scope(&limit);
	if (limit.scope_bits == XRL_SCOPE_CLASS && random->last_place + 1 == XRL_CLASS_BUCKETS)
		limit.scope_bits = 24;
	limit.id = limit.scope_bits == XRL_SCOPE_CLASS ? ++random->last_place : ++random->last_id;
	return limit;
}

/* Whether to keep the limit at this index of the previous class, with its usage. */
static int is_kept(const struct xrl_class *before, __u32 i)
{
	return i < before->limit_count && one_in(2);
}

static void add_own_limits(struct xrl_class *class, const struct xrl_class *before,
                           __u32 generation, int first_unit)
{
	__u32 count = first_unit < 0 ? random_below(XRL_MAX_LIMITS + 1)
	                             : 1 + random_below(XRL_MAX_LIMITS);

	for (__u32 i = 0; i < count; i++) {
		struct xrl_limit limit = random_limit(
			!i && first_unit >= 0 ? (__u32)first_unit : random_below(XRL_UNITS));

		limit.since_generation = generation;
		if (is_kept(before, i) && (i || first_unit < 0))
			limit = before->limits[i];
		class_add_limit(class, &limit);
	}
}

static void add_separate_limits(struct random_policy *random, struct xrl_class *class,
                                const struct xrl_class *before)
{
	__u32 count = one_in(2) ? 0 : random_below(one_in(3) ? XRL_MAX_SCOPED + 1 : 3);

	for (__u32 i = 0; i < count; i++) {
		struct xrl_limit limit = i < before->separate_count && one_in(2)
		                                 ? before->separate[i]
		                                 : random_scoped_limit(random);

		class_add_limit(class, &limit);
	}
}

static void set_icmp_errors(struct xrl_class *class, const struct xrl_class *before,
                            __u32 generation)
{
	struct xrl_limit *limit = &class->limits[XRL_ICMP_ERRORS];

	limit_set(limit, one_in(2) ? 20 : 3, 31 * DAY_NS, XRL_PACKETS);
	limit->since_generation = generation;
	if (before->name[0] && one_in(2))
		*limit = before->limits[XRL_ICMP_ERRORS];
}

static void set_penalty(struct xrl_class *class, const struct xrl_class *before, __u32 generation)
{
	limit_set_penalty(&class->penalty, 31 * DAY_NS);
	class->penalty.since_generation = generation;
	if (before->penalty.period_ns && one_in(2))
		class->penalty = before->penalty;
}

/* The default class always has limits, and cycles through all pairs of action and first unit, and
 * through all actions with a penalty; chance might leave one out. */
static void next_class(struct random_policy *random, __u32 number, __u32 epoch, __u32 generation)
{
	struct xrl_class *class = &random->policy.classes[number];
	const struct xrl_class *before = &old.classes[number];
	int is_default = number == random->policy.default_class;

	*class = (struct xrl_class){.action = is_default ? epoch % 3 : random_below(3)};
	snprintf(class->name, sizeof(class->name), "class %u", number);
	class->warn_percent = one_in(3) ? 1 + random_below(100) : 0;
	set_icmp_errors(class, before, generation);
	/* rarely, since a penalty hides the results of the limits */
	if (is_default ? epoch % 8 == 5 : one_in(4))
		set_penalty(class, before, generation);
	if (is_default || !one_in(6)) {
		add_own_limits(class, before, generation, is_default ? (int)(epoch / 3 % 4) : -1);
		add_separate_limits(random, class, before);
	}
	class_complete(class);
}

static int has_cidr(const struct random_policy *random, const struct xrl_cidr *cidr)
{
	for (size_t i = 0; i < random->cidr_count; i++)
		if (!memcmp(&random->cidrs[i].cidr, cidr, sizeof(*cidr)))
			return 1;
	return 0;
}

/* A prefix of any length that contains a source. */
static struct xrl_cidr random_cidr(void)
{
	struct xrl_cidr cidr = {.prefix_bits = one_in(20) ? random_below(33) : 8 + random_below(25),
	                        .address = random_address()};

	for (__u32 bit = cidr.prefix_bits; bit < 32; bit++)
		cidr.address.octets[bit / 8] &= ~(0x80 >> bit % 8);
	return cidr;
}

static void next_cidrs(struct random_policy *random)
{
	__u32 wanted = one_in(4) ? 0 : random_below(RANDOM_CIDRS + 1);

	random->cidr_count = 0;
	for (__u32 i = 0; i < wanted; i++) {
		struct xrl_cidr cidr = random_cidr();

		if (!has_cidr(random, &cidr))
			random->cidrs[random->cidr_count++] =
				(struct policy_cidr){cidr, random_below(random->class_count)};
	}
}

/* Returns the XRL_WANTS_ bits that the ports need. */
static __u32 next_ports(struct random_policy *random)
{
	__u32 wants = 0;

	memset(&random->ports, 0, sizeof(random->ports));
	if (!one_in(6))
		return 0;
	for (__u32 count = 1 + random_below(3); count; count--) {
		char text[32];

		snprintf(text, sizeof(text), "%s/%u", one_in(3) ? "udp" : "tcp", random_port());
		wants |= ports_protect(&random->ports, text);
	}
	return wants;
}

void random_policy_next(struct random_policy *random, __u32 epoch, __u32 generation)
{
	struct xrl_policy *policy = &random->policy;

	old = *policy;
	memset(policy, 0, sizeof(*policy));
	random->class_count = 1 + random_below(MAX_CLASSES);
	policy->default_class = random_below(random->class_count);
	policy->permitted_class = one_in(2) ? random_below(random->class_count) : XRL_MAX_CLASSES;
	for (__u32 i = 0; i < random->class_count; i++)
		next_class(random, i, epoch, generation);
	next_cidrs(random);
	policy->cidr_count = random->cidr_count;
	policy->wants = policy_wants_of_classes(policy, random->class_count) | next_ports(random);
}

int random_policy_has_scoped(const struct random_policy *random)
{
	for (__u32 i = 0; i < random->class_count; i++) {
		const struct xrl_class *class = &random->policy.classes[i];

		for (__u32 j = 0; j < class->separate_count; j++)
			if (class->separate[j].scope_bits != XRL_SCOPE_CLASS)
				return 1;
	}
	return 0;
}
