/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Packets of a plain class, as bpf/verdict/verdict.h charges them. Include it after cmocka.h. */

#include "tests/unit/bpf/limit/class_fixture.h"

static inline struct xrl_class plain_class(__u64 max_units, __u64 period_ns)
{
	struct xrl_class class = one_limit(max_units, period_ns, XRL_PACKETS);

	assert_true(class.is_plain);
	return class;
}

static inline enum xrl_answer general_way(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	const struct xrl_demand demand = {.units = {[XRL_PACKETS] = 1}};

	return xrl_charge(bucket, class, &demand) & 0xFFFF;
}

static inline enum xrl_answer plain_way(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	enum xrl_answer answer = xrl_try_plain(bucket, class);

	if (answer == XRL_AGAIN)
		answer = xrl_look_plain(bucket, class);
	return answer == XRL_AGAIN ? general_way(bucket, class) : answer;
}

static inline __u64 plain_flood(struct xrl_bucket *bucket, const struct xrl_class *class,
                                __u64 times)
{
	__u64 passed = 0;

	while (times--)
		passed += plain_way(bucket, class) == XRL_ALLOWED;
	return passed;
}

static inline __u64 tick_ns(const struct xrl_limit *limit)
{
	return 1ULL << limit->tick_shift;
}

static inline __u64 circle_ns(const struct xrl_limit *limit)
{
	return tick_ns(limit) << (64 - limit->used_bits);
}
