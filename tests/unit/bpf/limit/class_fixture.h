/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Classes, and packets charged to them as in bpf/verdict/verdict.h. Include it after cmocka.h. */

#include "user/policy/class.h"
#include "user/policy/limit.h"
#include "tests/unit/random.h"
#include "tests/unit/bpf/clock_fixture.h"
#include "bpf/limit/source_limits.h"
#include "tests/units.h"

#define JIFFY_NS   (4 * MS_NS)
#define TINY_FRAME 60

typedef __int128 wide;

/* Sets boot time and the matching jiffies, which do not start at the same moment. */
static __u32 jiffies_at_boot;

static inline void set_clock(__u64 boot_ns)
{
	fake_boot_ns = boot_ns;
	fake_jiffies = jiffies_at_boot + (__u32)(boot_ns / JIFFY_NS);
}

/* Sets this CPU's clock behind; all CPUs share the jiffies. */
static inline void set_clock_behind(__u64 boot_ns, __u64 behind_ns)
{
	set_clock(boot_ns);
	fake_boot_ns -= behind_ns;
}

/* Uses the jiffies of these tests instead of the machine's. */
static inline void finish(struct xrl_class *class)
{
	class_derive(class);
	class->settled_max_jiffies =
		(__u64) class->settled_max_jiffies * class->jiffy_ns / JIFFY_NS;
	class->jiffy_ns = JIFFY_NS;
}

static inline struct xrl_limit limit_like(enum xrl_algorithm algorithm, __u64 rate_units,
                                          __u64 burst_units, __u64 period_ns, enum xrl_unit unit)
{
	struct xrl_limit limit;

	limit_set(&limit, rate_units, period_ns, unit);
	limit.algorithm = algorithm;
	if (algorithm == XRL_TOKEN)
		limit.max_units = burst_units;
	limit_derive(&limit);
	return limit;
}

static inline void add(struct xrl_class *class, struct xrl_limit limit)
{
	class->limits[class->limit_count++] = limit;
	finish(class);
}

static inline void add_limit(struct xrl_class *class, __u64 max_units, __u64 period_ns,
                             enum xrl_unit unit)
{
	add(class, limit_like(XRL_FIXED, max_units, 0, period_ns, unit));
}

static inline struct xrl_class empty_class(void)
{
	struct xrl_class class = {};

	limit_set(&class.limits[XRL_ICMP_ERRORS], 100, SECOND_NS, XRL_PACKETS);
	return class;
}

static inline struct xrl_class class_with(struct xrl_limit limit)
{
	struct xrl_class class = empty_class();

	add(&class, limit);
	return class;
}

static inline struct xrl_class one_limit(__u64 max_units, __u64 period_ns, enum xrl_unit unit)
{
	return class_with(limit_like(XRL_FIXED, max_units, 0, period_ns, unit));
}

/* The result of a packet, and the unit of the limit that rejected it. */
struct charge {
	enum xrl_result result;
	__u32 unit;
};

/* Uses the simple path where the class allows it. */
static inline struct charge charge_cost(struct xrl_bucket *bucket, const struct xrl_class *class,
                                        const struct xrl_cost *cost)
{
	__u32 result = XRL_RETRY;

	if (class->is_plain)
		result = xrl_try_simple(bucket, class) | XRL_PACKETS << 16;
	if ((__u16)result == XRL_RETRY)
		result = xrl_charge(bucket, class, cost);
	return (struct charge){.result = result & 0xFFFF, .unit = result >> 16};
}

static inline struct charge charge(struct xrl_bucket *bucket, const struct xrl_class *class,
                                   __u64 bytes, __u64 connections)
{
	struct xrl_cost cost = {
		.units = {[XRL_PACKETS] = 1, [XRL_BYTES] = bytes, [XRL_CONNECTIONS] = connections},
	};

	return charge_cost(bucket, class, &cost);
}

/* Charges only the unit of the class's one limit. */
static inline enum xrl_result charge_units(struct xrl_bucket *bucket, const struct xrl_class *class,
                                           __u64 units)
{
	struct xrl_cost cost = {};

	cost.units[class->limits[0].unit] = units;
	return charge_cost(bucket, class, &cost).result;
}

static inline int passes(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	return charge(bucket, class, TINY_FRAME, 1).result == XRL_PASS;
}

static inline __u64 flood(struct xrl_bucket *bucket, const struct xrl_class *class, __u64 times)
{
	__u64 passed = 0;

	while (times--)
		passed += passes(bucket, class);
	return passed;
}

/* Small numbers are as likely as large ones. */
static inline __u64 random_scale(__u64 from, __u64 to)
{
	__u64 most = random64() >> random_below(64);

	return from + most % (to - from + 1);
}

/* From 100 ms to 31 days, round numbers and others. */
static inline __u64 random_period(void)
{
	static const __u64 round_ns[] = {100 * MS_NS, SECOND_NS, 60 * SECOND_NS,
	                                 HOUR_NS,     DAY_NS,    31 * DAY_NS};

	if (random_below(2))
		return round_ns[random_below(6)];
	return random_scale(LIMIT_MIN_PERIOD_NS, LIMIT_MAX_PERIOD_NS);
}

/* The step of a random walk in time: bursts, fractions of a period, the last nanoseconds of a
 * period, and pauses, some of a whole number of periods. */
static inline __u64 random_pause(__u64 now_ns, __u64 period_ns)
{
	switch (random_below(24)) {
	case 0:
		return random_below(20) * period_ns;
	case 1:
		return random_below(5 * period_ns);
	case 2: /* the last nanosecond of a window aligned to boot, or the next two */
		return period_ns - now_ns % period_ns - 1 + random_below(3);
	case 3:
		return random_below(40) ? period_ns : random_below(3 * YEAR_NS);
	case 4 ... 8:
		return random_below(period_ns / 5);
	case 9 ... 14:
		return random_below(period_ns / 50);
	default:
		return random_below(10);
	}
}

/* The cost of a step: single units, frames, and amounts that matter to large limits. */
static inline __u64 random_units(const struct xrl_limit *limit, __u64 used)
{
	__u64 left = used < limit->max_units ? limit->max_units - used : 0;

	switch (random_below(8)) {
	case 0:
		return left ? left : 1;
	case 1:
		return left + 1;
	case 2:
		return 1 + random_below(65535);
	case 3:
		return 1 + random_below(limit->max_units);
	case 4 ... 5:
		return 1 + limit->max_units / (2 + random_below(30));
	default:
		return 1;
	}
}

/* By how much a fixed window may expire late: two roundings to ticks, and a jiffy. */
static inline __u64 lateness_ns(const struct xrl_class *class)
{
	return (2ULL << class->limits[0].tick_shift) + JIFFY_NS;
}
