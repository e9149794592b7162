// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* What class_derive and policy_derive compute for the gate: the packets of a newcomer, and the
 * networks with CIDRs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/random.h"
#include "tests/units.h"
#include "user/policy/class.h"
#include "user/policy/gate.h"
#include "user/policy/limit.h"
#include "user/policy/policy.h"
#include "user/util/xalloc.h"
#include "bpf/gate/candidate.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- what a source may send before it has a bucket ---- */

#define BIT(unit) (1 << XRL_##unit)

static const struct newcomer {
	const char *limits[3];
	__u32 packets, bytes_64, units;
} newcomers[] = {
	{{}, 4, 0xFFFF, 0},
	{{"10000/1s packets"}, 4, 0xFFFF, BIT(PACKETS)},
	{{"4/1s packets"}, 4, 0xFFFF, BIT(PACKETS)},
	{{"3/1s packets sliding"}, 3, 0xFFFF, BIT(PACKETS)},
	{{"1/1s connections"}, 1, 0xFFFF, BIT(CONNECTIONS)},
	{{"100/1s packets token burst 2"}, 2, 0xFFFF, BIT(PACKETS)},
	{{"3/1s packets", "2/1s http-requests", "9/1s connections"},
         2,
         0xFFFF,
         BIT(PACKETS) | BIT(HTTP_REQUESTS) | BIT(CONNECTIONS)},
	{{"2/1s connections", "3/1s packets"}, 2, 0xFFFF, BIT(PACKETS) | BIT(CONNECTIONS)},

	/* scoped limits must also have room for the packet that earns the bucket */
	{{"5/1s packets endpoint udp/53"}, 4, 0xFFFF, BIT(PACKETS)},
	{{"4/1s packets endpoint udp/53"}, 3, 0xFFFF, BIT(PACKETS)},
	{{"2/1s http-requests endpoint tcp/80"}, 1, 0xFFFF, BIT(HTTP_REQUESTS)},
	{{"2/1s packets", "3/1s packets endpoint udp/53"}, 2, 0xFFFF, BIT(PACKETS)},
	{{"2/1s packets", "2/1s packets endpoint udp/53"}, 1, 0xFFFF, BIT(PACKETS)},
	/* shared limits are charged with each packet */
	{{"1/1s packets scope /24"}, 4, 0xFFFF, BIT(PACKETS)},
	{{"1/1s connections scope class"}, 4, 0xFFFF, BIT(CONNECTIONS)},
	{{"2/1s packets", "1/1s packets scope /8"}, 2, 0xFFFF, BIT(PACKETS)},

	/* bytes: rounded down, and at most what an entry can hold */
	{{"63/1s bytes"}, 4, 0, BIT(BYTES)},
	{{"1000/1s bytes"}, 4, 15, BIT(BYTES)},
	{{"4194239/1s bytes"}, 4, 0xFFFE, BIT(BYTES)},
	{{"1000000000/1s bytes"}, 4, 0xFFFF, BIT(BYTES)},
	{{"2000/1s bytes", "3/1s packets", "1000/1h bytes"}, 3, 15, BIT(BYTES) | BIT(PACKETS)},
	/* with room for the largest frame */
	{{"524288/1s bytes scope class"}, 4, 0xFFFF, BIT(BYTES)},
	{{"524288/1s bytes endpoint udp/53"}, 4, 0, BIT(BYTES)},
	{{"1000/1s bytes endpoint udp/53"}, 4, 0, BIT(BYTES)},
	{{"524352/1s bytes endpoint udp/53"}, 4, 1, BIT(BYTES)},
};

static void check_newcomer(const struct newcomer *expected)
{
	struct policy policy;
	struct xrl_class *class;

	policy_set_default(&policy);
	class = &policy.compiled->classes[0];
	class->limit_count = 0;
	for (size_t i = 0; i < COUNT(expected->limits) && expected->limits[i]; i++) {
		struct xrl_limit limit;

		assert_false(limit_parse(expected->limits[i], &limit, (char[480]){}, 480));
		if (limit.endpoint_protocol || limit.scope_bits != XRL_SCOPE_SOURCE)
			class->separate[class->separate_count++] = limit;
		else
			class->limits[class->limit_count++] = limit;
	}
	class_derive(class);
	if (class->newcomer_packets != expected->packets ||
	    class->newcomer_bytes_64 != expected->bytes_64 || class->units != expected->units)
		fail_msg("'%s': %u packets, %u times 64 bytes, units %x",
		         expected->limits[0] ? expected->limits[0] : "", class->newcomer_packets,
		         class->newcomer_bytes_64, class->units);
	policy_free(&policy);
}

static void newcomers_keep_to_the_smallest_limit(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(newcomers); i++)
		check_newcomer(&newcomers[i]);
}

/* An empty slot is no limit, and earlier results do not matter. */
static void finishing_again_begins_anew(void **state)
{
	struct xrl_class class;

	(void)state;
	class_set_empty(&class);
	class.limit_count = 2;
	limit_set(&class.limits[1], 1, SECOND_NS, XRL_BYTES);
	class_derive(&class);
	assert_int_equal(class.newcomer_bytes_64, 0);
	assert_int_equal(class.newcomer_packets, XRL_GATE_FEW);
	assert_int_equal(class.units, BIT(BYTES));
	limit_set(&class.limits[1], 2, SECOND_NS, XRL_CONNECTIONS);
	class_derive(&class);
	assert_int_equal(class.newcomer_bytes_64, 0xFFFF);
	assert_int_equal(class.newcomer_packets, 2);
	assert_int_equal(class.units, BIT(CONNECTIONS));
}

/* ---- where CIDRs are ---- */

static void add_cidr(struct policy *policy, __u32 address, __u32 prefix_bits)
{
	struct policy_cidr *cidr = &policy->cidrs[policy->cidr_count++];

	address &= prefix_bits ? ~0U << (32 - prefix_bits) : 0;
	*cidr = (struct policy_cidr){.cidr = {.prefix_bits = prefix_bits}};
	for (int i = 0; i < 4; i++)
		cidr->cidr.address.octets[i] = address >> (24 - 8 * i);
}

static bool covers(const struct policy_cidr *cidr, __u32 network, __u32 network_bits)
{
	const __u8 *octets = cidr->cidr.address.octets;
	__u32 first = octets[0] << 16 | octets[1] << 8 | octets[2];
	__u32 bits = cidr->cidr.prefix_bits < network_bits ? cidr->cidr.prefix_bits : network_bits;

	return (network ^ first >> (24 - network_bits)) >> (network_bits - bits) == 0;
}

static void check_bits(const struct policy *policy, const __u8 *bits, __u32 network_bits)
{
	for (__u32 network = 0; network < 1u << network_bits; network++) {
		bool is_set = bits[network / 8] >> network % 8 & 1, expected = false;

		for (size_t i = 0; i < policy->cidr_count && !expected; i++)
			expected = covers(&policy->cidrs[i], network, network_bits);
		if (is_set != expected)
			fail_msg("network %x of %u bits", network, network_bits);
	}
}

static void check_networks(struct policy *policy)
{
	policy_derive(policy);
	check_bits(policy, policy->compiled->networks, 16);
	check_bits(policy, policy->compiled->subnets, 20);
}

static void networks_with_cidrs_are_known(void **state)
{
	static const __u32 lengths[] = {0, 1, 8, 15, 16, 17, 24, 31, 32};
	struct policy policy;

	(void)state;
	policy_set_default(&policy);
	policy.cidrs = xcalloc(16, sizeof(*policy.cidrs));
	check_networks(&policy);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		policy.cidr_count = 0;
		add_cidr(&policy, 0xCB00710F, lengths[i]);
		check_networks(&policy);
		policy.cidr_count = 0;
		add_cidr(&policy, 0xFFFFFFFF, lengths[i]);
		check_networks(&policy);
	}
	for (int i = 0; i < 10; i++) {
		policy.cidr_count = 0;
		for (int j = 0; j < 16; j++)
			add_cidr(&policy, random64(), 6 + random_below(27));
		check_networks(&policy);
	}
	/* bits of another policy are gone */
	policy.cidr_count = 0;
	check_networks(&policy);
	policy_free(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newcomers_keep_to_the_smallest_limit),
		cmocka_unit_test(finishing_again_begins_anew),
		cmocka_unit_test(networks_with_cidrs_are_known),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
