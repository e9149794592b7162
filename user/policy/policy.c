// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/util/xalloc.h"
#include "user/policy/class.h"
#include "user/policy/gate.h"
#include "user/policy/limit.h"
#include "user/util/duration.h"

void policy_set_default(struct policy *policy)
{
	struct xrl_class *class;

	*policy = (struct policy){.compiled = xcalloc(1, sizeof(*policy->compiled))};
	policy->compiled->permitted_class = XRL_MAX_CLASSES;
	gate_set_default(&policy->compiled->flood);
	class = policy_add_class(policy, "default");
	class->limit_count = 1;
	limit_set(&class->limits[0], CLASS_DEFAULT_MAX_PACKETS, SECOND_NS, XRL_PACKETS);
	policy_derive(policy);
}

void policy_free(struct policy *policy)
{
	free(policy->compiled);
	free(policy->cidrs);
	*policy = (struct policy){};
}

__u32 policy_count_classes(const struct xrl_policy *policy)
{
	__u32 count = 0;

	while (count < XRL_MAX_CLASSES && policy->classes[count].name[0])
		count++;
	return count;
}

struct xrl_class *policy_add_class(struct policy *policy, const char *name)
{
	__u32 count = policy_count_classes(policy->compiled);
	struct xrl_class *class = &policy->compiled->classes[count];

	if (count == XRL_MAX_CLASSES)
		return NULL;
	class_set_empty(class);
	snprintf(class->name, sizeof(class->name), "%s", name);
	return class;
}

static __u32 wants_of_limit(const struct xrl_limit *limit)
{
	return (limit->endpoint_protocol ? XRL_WANTS_PORTS : 0) |
	       (limit->unit == XRL_HTTP_REQUESTS ? XRL_WANTS_HTTP : 0) |
	       (limit->unit == XRL_CONNECTIONS ? XRL_WANTS_CONNECTIONS : 0);
}

__u32 policy_wants_of_class(const struct xrl_class *class)
{
	__u32 wants = 0;

	for (__u32 i = 0; i < class->limit_count; i++)
		wants |= wants_of_limit(&class->limits[i]);
	for (__u32 i = 0; i < class->separate_count; i++)
		wants |= wants_of_limit(&class->separate[i]);
	return wants;
}

static bool has_port(const __u8 *ports, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (ports[i])
			return true;
	return false;
}

__u32 policy_wants_of_ports(const struct xrl_ports *ports)
{
	__u32 wants = 0;

	if (has_port(ports->tcp, sizeof(ports->tcp)))
		wants |= XRL_WANTS_PORTS | XRL_PROTECTS | XRL_PROTECTS_TCP;
	if (has_port(ports->udp, sizeof(ports->udp)))
		wants |= XRL_WANTS_PORTS | XRL_PROTECTS | XRL_PROTECTS_UDP;
	return wants;
}

/* Sets the bits of all prefixes of this length that contain the CIDR or are contained in it. */
static void set_bits(__u8 *bits, __u32 prefix_bits, const struct xrl_cidr *cidr)
{
	const __u8 *octets = cidr->address.octets;
	__u32 first = octets[0] << 16 | octets[1] << 8 | octets[2], count = 1;

	first >>= 24 - prefix_bits;
	if (cidr->prefix_bits < prefix_bits)
		count <<= prefix_bits - cidr->prefix_bits;
	for (__u32 i = first; i < first + count; i++)
		bits[i / 8] |= 1 << i % 8;
}

void policy_mark_cidr(struct xrl_policy *policy, const struct xrl_cidr *cidr)
{
	set_bits(policy->networks, XRL_NETWORK_BITS, cidr);
	set_bits(policy->subnets, XRL_SUBNET_BITS, cidr);
}

void policy_derive(struct policy *policy)
{
	struct xrl_policy *compiled = policy->compiled;

	compiled->wants = policy_wants_of_ports(&policy->protected_ports);
	compiled->cidr_count = policy->cidr_count;
	memset(compiled->networks, 0, sizeof(compiled->networks));
	memset(compiled->subnets, 0, sizeof(compiled->subnets));
	for (size_t i = 0; i < policy->cidr_count; i++)
		policy_mark_cidr(compiled, &policy->cidrs[i].cidr);
	for (__u32 i = 0; i < XRL_MAX_CLASSES && compiled->classes[i].name[0]; i++) {
		compiled->wants |= policy_wants_of_class(&compiled->classes[i]);
		class_derive(&compiled->classes[i]);
	}
}

/* The kernel keeps free entries of an LRU map for each CPU, in batches of 128: on 6.1 a smaller map
 * than this holds as little as 5 % of its size. */
#define MIN_SOURCES_PER_CPU 256
#define MAX_SOURCES         (1u << 26)

int policy_parse_max_sources(const char *text, __u32 *sources,
                             const struct parse_error *parse_error)
{
	/* the possible CPUs, as the kernel counts them */
	__u64 least = MIN_SOURCES_PER_CPU * (__u64)sysconf(_SC_NPROCESSORS_CONF), number;
	const char *at = text;

	if (number_take(&at, &number) || *at || number < least || number > MAX_SOURCES)
		return parse_fail_value(parse_error, "sources", text,
		                        "expected a number from %llu (%d for each CPU) to %u",
		                        least, MIN_SOURCES_PER_CPU, MAX_SOURCES);
	*sources = number;
	return 0;
}
