/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Packets of a simple class, charged as in bpf/verdict/verdict.h. Include it after cmocka.h. */

#include "tests/unit/bpf/limit/class_fixture.h"

static inline struct xrl_class simple_class(__u64 max_units, __u64 period_ns)
{
	struct xrl_class class = one_limit(max_units, period_ns, XRL_PACKETS);

	assert_true(class.is_plain);
	return class;
}

static inline enum xrl_result charge_full_path(struct xrl_bucket *bucket,
                                               const struct xrl_class *class)
{
	const struct xrl_cost cost = {.units = {[XRL_PACKETS] = 1}};

	return xrl_charge(bucket, class, &cost) & 0xFFFF;
}

static inline enum xrl_result charge_simple_path(struct xrl_bucket *bucket,
                                                 const struct xrl_class *class)
{
	enum xrl_result result = xrl_try_simple(bucket, class);

	if (result == XRL_RETRY)
		result = xrl_refresh_simple(bucket, class);
	return result == XRL_RETRY ? charge_full_path(bucket, class) : result;
}

static inline __u64 flood_simple(struct xrl_bucket *bucket, const struct xrl_class *class,
                                 __u64 times)
{
	__u64 passed = 0;

	while (times--)
		passed += charge_simple_path(bucket, class) == XRL_PASS;
	return passed;
}

static inline __u64 tick_ns(const struct xrl_limit *limit)
{
	return 1ULL << limit->tick_shift;
}

static inline __u64 wrap_ns(const struct xrl_limit *limit)
{
	return tick_ns(limit) << (64 - limit->used_bits);
}
