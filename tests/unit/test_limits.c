// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* bpf/limits.h, with clocks that the test sets, against a plain model: what was admitted is
 * written down with its time. */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "class.h"
#include "limit.h"
#include "random.h"
#include "fake_clock.h"
#include "../../bpf/limits.h"

#define MILLISECOND 1000000ULL
#define SECOND      (1000 * MILLISECOND)
#define HOUR        (3600 * SECOND)
#define DAY         (24 * HOUR)
#define JIFFY       (4 * MILLISECOND)
#define TINY_FRAME  60

/* Boot time and the jiffies that belong to it; they don't begin together. */
static __u32 jiffies_at_boot;

static void set_clock(__u64 boot_ns)
{
	fake_boot_ns = boot_ns;
	fake_jiffies = jiffies_at_boot + (__u32)(boot_ns / JIFFY);
}

static void add_limit(struct xrl_class *class, __u64 max_units, __u64 period_ns, enum xrl_unit unit)
{
	limit_set(&class->limits[class->limit_count++], max_units, period_ns, unit);
	class_finish(class);
	/* the jiffies of this test, not of the machine it runs on */
	class->settled_max_jiffies = (__u64) class->settled_max_jiffies * class->jiffy_ns / JIFFY;
	class->jiffy_ns = JIFFY;
}

static struct xrl_class empty_class(void)
{
	struct xrl_class class = {};

	limit_set(&class.limits[XRL_ICMP_ERRORS], 100, SECOND, XRL_PACKETS);
	return class;
}

static struct xrl_class one_limit(__u64 max_units, __u64 period_ns, enum xrl_unit unit)
{
	struct xrl_class class = empty_class();

	add_limit(&class, max_units, period_ns, unit);
	return class;
}

static struct xrl_charge charge(struct xrl_bucket *bucket, const struct xrl_class *class,
                                __u32 bytes, __u32 connections)
{
	struct xrl_demand demand = {
		.units = {[XRL_PACKETS] = 1, [XRL_BYTES] = bytes, [XRL_CONNECTIONS] = connections},
	};

	return xrl_charge(bucket, class, &demand);
}

static int passes(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	return charge(bucket, class, TINY_FRAME, 1).answer == XRL_ALLOWED;
}

static __u64 flood(struct xrl_bucket *bucket, const struct xrl_class *class, __u64 times)
{
	__u64 passed = 0;

	while (times--)
		passed += passes(bucket, class);
	return passed;
}

static __u64 lateness_ns(const struct xrl_class *class)
{
	return (2ULL << class->limits[0].tick_shift) + JIFFY;
}

/* A window in the model: it's open from its first unit for a period. */
struct model {
	__u64 opened_ns, used;
	int open;
};

static void end_when_over(struct model *model, __u64 period_ns)
{
	if (model->open && fake_boot_ns >= model->opened_ns + period_ns)
		model->open = 0;
}

static int model_passes(struct model *model, __u64 max_units, __u64 units)
{
	if (!model->open) {
		if (units > max_units)
			return 0;
		*model = (struct model){fake_boot_ns, units, 1};
		return 1;
	}
	if (model->used + units > max_units)
		return 0;
	model->used += units;
	return 1;
}

/* Where it is allowed to end a little later than the model says, either answer will do, and
 * the model follows. */
static int is_near_the_end(const struct model *model, const struct xrl_class *class)
{
	__u64 end_ns = model->opened_ns + class->limits[0].period_ns;

	return model->used && fake_boot_ns >= end_ns && fake_boot_ns < end_ns + lateness_ns(class);
}

static void step(struct xrl_bucket *bucket, const struct xrl_class *class, struct model *model)
{
	const struct xrl_limit *limit = &class->limits[0];
	__u32 bytes = 60 + random_below(1000);
	__u64 units = limit->unit == XRL_BYTES ? bytes : 1;
	int passed = charge(bucket, class, bytes, 1).answer == XRL_ALLOWED;

	if (is_near_the_end(model, class)) {
		__u64 opened = bucket->windows[0].opened_ticks;
		__u64 same = model->opened_ns + (1ULL << limit->tick_shift) - 1;

		same = same >> limit->tick_shift & XRL_TICK_MASK;
		if (xrl_window_read(&bucket->windows[0]) && opened == same) {
			assert_int_equal(passed, model_passes(model, limit->max_units, units));
			return;
		}
	}
	end_when_over(model, limit->period_ns);
	assert_int_equal(passed, model_passes(model, limit->max_units, units));
}

/* Dense and idle stretches, of frames of any size. */
static void random_sequences(enum xrl_unit unit)
{
	static const __u64 periods_ns[] = {100 * MILLISECOND, SECOND, 60 * SECOND, DAY, 31 * DAY};

	for (int round = 0; round < 300; round++) {
		__u64 period_ns = periods_ns[round % 5], now_ns = 1 + random_below(365 * DAY);
		struct xrl_class class = one_limit(1 + random_below(20000), period_ns, unit);
		struct xrl_bucket bucket = {};
		struct model model = {};

		if (unit != XRL_BYTES)
			class.limits[0].max_units = 1 + random_below(40);
		jiffies_at_boot = random64();
		for (int i = 0; i < 2000; i++) {
			__u64 pace = random_below(20);

			if (pace == 0)
				now_ns += random_below(5 * period_ns);
			else if (pace < 10)
				now_ns += random_below(period_ns / 20);
			set_clock(now_ns);
			step(&bucket, &class, &model);
		}
	}
}

static void packets_are_as_in_the_model(void **state)
{
	(void)state;
	random_sequences(XRL_PACKETS);
}

static void bytes_are_as_in_the_model(void **state)
{
	(void)state;
	random_sequences(XRL_BYTES);
}

static void connections_are_as_in_the_model(void **state)
{
	(void)state;
	random_sequences(XRL_CONNECTIONS);
}

/* Unlimited demand: N in each window, and a window is a period long, a little more at most. */
static void unlimited_demand_gets_exactly_n(void **state)
{
	struct xrl_class class = one_limit(100, SECOND, XRL_PACKETS);
	struct xrl_bucket bucket = {};
	__u64 opened_ns = 0, passed = 0, windows = 0, last_window = 0;

	(void)state;
	for (__u64 now_ns = DAY; now_ns < DAY + 100 * SECOND; now_ns += MILLISECOND / 3) {
		set_clock(now_ns);
		if (!passes(&bucket, &class))
			continue;
		if (xrl_window_used(xrl_window_read(&bucket.windows[0])) == 1) {
			if (windows) {
				assert_int_equal(last_window, 100);
				assert_true(now_ns - opened_ns >= SECOND);
				assert_true(now_ns - opened_ns <=
				            SECOND + lateness_ns(&class) + MILLISECOND);
			}
			windows++;
			opened_ns = now_ns;
			last_window = 0;
		}
		last_window++;
		passed++;
	}
	assert_true(windows >= 99);
	assert_int_equal(passed, (windows - 1) * 100 + last_window);
}

/* Two CPUs that disagree about the time by up to a period. */
static void clocks_that_disagree_admit_no_more(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		struct xrl_class class = one_limit(50, SECOND, XRL_PACKETS);
		__u64 skew_ns = random_below(SECOND - JIFFY), passed = 0;
		__u64 begin_ns = DAY + random_below(DAY), end_ns = begin_ns + 20 * SECOND;
		struct xrl_bucket bucket = {};

		jiffies_at_boot = random64();
		for (__u64 now_ns = begin_ns; now_ns < end_ns; now_ns += 7 * MILLISECOND) {
			set_clock(now_ns);
			/* the jiffies are one for all CPUs */
			fake_boot_ns -= random_below(2) * skew_ns;
			passed += flood(&bucket, &class, 5);
		}
		/* windows by the faster clock, one more for the slower one */
		assert_true(passed <= 50 * (20 + 1));
	}
}

/* A CPU that is behind, alone: it ends nothing that the one ahead has opened. */
static void a_clock_set_back_opens_nothing(void **state)
{
	struct xrl_class class = one_limit(10, SECOND, XRL_PACKETS);
	struct xrl_bucket bucket = {};

	(void)state;
	set_clock(DAY);
	assert_int_equal(flood(&bucket, &class, 100), 10);
	for (__u64 back_ns = MILLISECOND; back_ns < SECOND; back_ns += MILLISECOND) {
		set_clock(DAY - back_ns);
		assert_int_equal(flood(&bucket, &class, 3), 0);
	}
}

static void jiffies_go_round(void **state)
{
	(void)state;
	for (__u32 before = 0; before < 600; before++) {
		struct xrl_class class = one_limit(5, SECOND, XRL_PACKETS);
		struct xrl_bucket bucket = {};

		jiffies_at_boot = -(__u32)(DAY / JIFFY) - before;
		for (int window = 0; window < 5; window++) {
			set_clock(DAY + window * (SECOND + lateness_ns(&class)));
			assert_int_equal(flood(&bucket, &class, 20), 5);
			set_clock(fake_boot_ns + SECOND - 1);
			assert_int_equal(flood(&bucket, &class, 20), 0);
		}
	}
}

/* A source that comes back after any time is like a new one. Where the ticks have gone round
 * a whole number of times, they alone would say that no time went by. */
static void idle_sources_are_as_new(void **state)
{
	static const __u64 periods_ns[] = {100 * MILLISECOND, SECOND, 60 * SECOND, HOUR};

	(void)state;
	jiffies_at_boot = 0;
	for (int i = 0; i < 4; i++) {
		struct xrl_class class = one_limit(5, periods_ns[i], XRL_PACKETS);
		__u64 circle_ns = (1ULL << XRL_TICK_BITS) << class.limits[0].tick_shift;

		for (__u64 periods = 1; periods <= 1000000; periods = periods * 5 / 4 + 1) {
			__u64 idle_ns = periods * periods_ns[i] + lateness_ns(&class);
			struct xrl_bucket bucket = {};

			set_clock(DAY);
			assert_int_equal(flood(&bucket, &class, 9), 5);
			set_clock(DAY + idle_ns);
			assert_int_equal(flood(&bucket, &class, 9), 5);
			set_clock(DAY + idle_ns + (periods / 4 + 1) * circle_ns);
			assert_int_equal(flood(&bucket, &class, 9), 5);
		}
	}
}

/* Jiffies go round too, in 2^32 of them (199 days at 250 a second). A source that is back
 * just then may have to wait, but never longer than a second, and gets no more than N. */
static void jiffies_that_went_round_cost_a_second(void **state)
{
	struct xrl_class class = one_limit(5, HOUR, XRL_PACKETS);
	__u64 circle_ns = JIFFY << 32, back_ns;
	struct xrl_bucket bucket = {};

	(void)state;
	set_clock(DAY);
	assert_int_equal(flood(&bucket, &class, 9), 5);
	for (back_ns = 0; back_ns <= SECOND; back_ns += JIFFY) {
		set_clock(DAY + circle_ns + back_ns);
		if (passes(&bucket, &class))
			break;
	}
	assert_true(back_ns <= SECOND);
	assert_int_equal(flood(&bucket, &class, 9), 4);
}

/* Four limits with periods of their own: a packet uses up units of all, or of none. */
static void all_or_none(void **state)
{
	struct xrl_class class = empty_class();
	struct xrl_bucket bucket = {}, before;
	__u64 now_ns = DAY, refused = 0, passed = 0;

	(void)state;
	add_limit(&class, 40, SECOND, XRL_PACKETS);
	add_limit(&class, 20000, 3 * SECOND, XRL_BYTES);
	add_limit(&class, 10, 5 * SECOND, XRL_CONNECTIONS);
	add_limit(&class, 300, 60 * SECOND, XRL_PACKETS);
	for (int i = 0; i < 100000; i++) {
		struct xrl_charge answer;
		__u32 bytes = 60 + random_below(1500), connections = !random_below(9);

		now_ns += random_below(40 * MILLISECOND);
		set_clock(now_ns);
		xrl_look(&bucket, &class); /* closes what is over: the rest must stay */
		before = bucket;
		answer = charge(&bucket, &class, bytes, connections);
		if (answer.answer == XRL_REFUSED) {
			assert_memory_equal(before.windows, bucket.windows, sizeof(bucket.windows));
			refused++;
			continue;
		}
		assert_int_equal(answer.answer, XRL_ALLOWED);
		passed++;
		assert_int_equal(bucket.windows[0].used_units, before.windows[0].used_units + 1);
		assert_int_equal(bucket.windows[1].used_units,
		                 before.windows[1].used_units + bytes);
		assert_int_equal(bucket.windows[2].used_units,
		                 before.windows[2].used_units + connections);
		assert_int_equal(bucket.windows[3].used_units, before.windows[3].used_units + 1);
		for (int limit = 0; limit < 4; limit++)
			assert_true(bucket.windows[limit].used_units <=
			            class.limits[limit].max_units);
	}
	assert_true(refused > 1000 && passed > 1000);
}

/* Which limit refused is said by its unit. */
static void the_unit_that_refuses_is_named(void **state)
{
	struct xrl_class class = empty_class();
	struct xrl_bucket bucket = {};

	(void)state;
	set_clock(DAY);
	add_limit(&class, 3, DAY, XRL_PACKETS);
	add_limit(&class, 1000, DAY, XRL_BYTES);
	add_limit(&class, 1, DAY, XRL_CONNECTIONS);
	assert_int_equal(charge(&bucket, &class, 100, 1).answer, XRL_ALLOWED);
	assert_int_equal(charge(&bucket, &class, 100, 1).answer, XRL_REFUSED);
	assert_int_equal(charge(&bucket, &class, 100, 1).unit, XRL_CONNECTIONS);
	assert_int_equal(charge(&bucket, &class, 901, 0).unit, XRL_BYTES);
	assert_int_equal(charge(&bucket, &class, 900, 0).answer, XRL_ALLOWED);
	assert_int_equal(charge(&bucket, &class, 60, 0).unit, XRL_BYTES);
	assert_int_equal(bucket.windows[0].used_units, 2);
}

static void more_than_a_limit_holds_never_passes(void **state)
{
	struct xrl_class class = one_limit(1000, SECOND, XRL_BYTES);
	struct xrl_bucket bucket = {};

	(void)state;
	for (__u64 now_ns = DAY; now_ns < DAY + 10 * SECOND; now_ns += 100 * MILLISECOND) {
		set_clock(now_ns);
		assert_int_equal(charge(&bucket, &class, 1001, 0).answer, XRL_REFUSED);
		assert_int_equal(xrl_window_read(&bucket.windows[0]), 0);
	}
	assert_int_equal(charge(&bucket, &class, 1000, 0).answer, XRL_ALLOWED);
}

static void what_uses_nothing_opens_no_window(void **state)
{
	struct xrl_class class = one_limit(1, SECOND, XRL_CONNECTIONS);
	struct xrl_bucket bucket = {};

	(void)state;
	set_clock(DAY);
	for (int i = 0; i < 10; i++)
		assert_int_equal(charge(&bucket, &class, 100, 0).answer, XRL_ALLOWED);
	assert_int_equal(xrl_window_read(&bucket.windows[0]), 0);
	assert_int_equal(charge(&bucket, &class, 100, 1).answer, XRL_ALLOWED);
	assert_int_equal(charge(&bucket, &class, 100, 1).answer, XRL_REFUSED);
	assert_int_equal(charge(&bucket, &class, 100, 0).answer, XRL_ALLOWED);
}

static void no_limits_refuse_nothing(void **state)
{
	struct xrl_class class = one_limit(1, SECOND, XRL_PACKETS);
	struct xrl_bucket bucket = {};

	(void)state;
	class.limit_count = 0;
	set_clock(DAY);
	assert_int_equal(flood(&bucket, &class, 1000), 1000);
}

static void icmp_errors_have_their_own_window(void **state)
{
	struct xrl_class class = one_limit(3, SECOND, XRL_PACKETS);
	struct xrl_bucket bucket = {};
	int passed = 0;

	(void)state;
	set_clock(DAY);
	assert_int_equal(flood(&bucket, &class, 10), 3);
	for (int i = 0; i < 500; i++)
		passed += xrl_charge_icmp_error(&bucket, &class) == XRL_ALLOWED;
	assert_int_equal(passed, 100);
	assert_int_equal(bucket.windows[0].used_units, 3);
	set_clock(DAY + SECOND + lateness_ns(&class));
	assert_int_equal(xrl_charge_icmp_error(&bucket, &class), XRL_ALLOWED);
	assert_int_equal(flood(&bucket, &class, 10), 3);
}

static void giving_back_ends_with_the_window(void **state)
{
	struct xrl_class class = one_limit(100, SECOND, XRL_PACKETS);
	const struct xrl_limit *limit = &class.limits[0];
	xrl_word mine = xrl_window_open(limit, DAY, 5), other = xrl_window_open(limit, 2 * DAY, 5);
	union xrl_window_bits bits = {.word = mine};

	(void)state;
	xrl_give_back(&bits.window, mine, 3);
	assert_int_equal(bits.window.used_units, 2);
	xrl_give_back(&bits.window, mine, 3); /* there isn't as much */
	assert_int_equal(bits.window.used_units, 2);
	bits.word = other;
	xrl_give_back(&bits.window, mine, 3);
	assert_int_equal(bits.window.used_units, 5);
	bits.word = 0;
	xrl_give_back(&bits.window, mine, 3);
	assert_int_equal(bits.word, 0);
}

/* Real threads, one bucket, and a time that all of them see move on. */
#define THREADS 4
#define WINDOWS 30

struct crowd {
	struct xrl_bucket bucket;
	struct xrl_class class;
	pthread_barrier_t barrier;
	__u64 passed[THREADS];
	__u32 attempts; /* of a thread in a window */
};

struct member {
	struct crowd *crowd;
	int number;
	pthread_t thread;
};

static void *push(void *argument)
{
	struct member *member = argument;
	struct crowd *crowd = member->crowd;

	for (int window = 0; window < WINDOWS; window++) {
		set_clock(DAY + window * 2 * SECOND);
		pthread_barrier_wait(&crowd->barrier);
		crowd->passed[member->number] +=
			flood(&crowd->bucket, &crowd->class, crowd->attempts);
		pthread_barrier_wait(&crowd->barrier);
	}
	return NULL;
}

static __u64 run_crowd(struct crowd *crowd)
{
	struct member members[THREADS];
	__u64 passed = 0;

	pthread_barrier_init(&crowd->barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		members[i] = (struct member){.crowd = crowd, .number = i};
		assert_int_equal(pthread_create(&members[i].thread, NULL, push, &members[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(members[i].thread, NULL);
		passed += crowd->passed[i];
	}
	pthread_barrier_destroy(&crowd->barrier);
	return passed;
}

static void threads_get_exactly_n_in_each_window(void **state)
{
	struct crowd crowd = {.class = one_limit(20000, SECOND, XRL_PACKETS), .attempts = 20000};

	(void)state;
	assert_int_equal(run_crowd(&crowd), WINDOWS * 20000);
}

static void threads_get_exactly_n_of_four_limits(void **state)
{
	struct crowd crowd = {.class = empty_class(), .attempts = 20000};

	(void)state;
	add_limit(&crowd.class, 9000, SECOND, XRL_PACKETS);
	add_limit(&crowd.class, 5000 * TINY_FRAME + TINY_FRAME - 1, SECOND, XRL_BYTES);
	add_limit(&crowd.class, 6000, SECOND, XRL_CONNECTIONS);
	add_limit(&crowd.class, WINDOWS * 5000, HOUR, XRL_PACKETS);
	assert_int_equal(run_crowd(&crowd), WINDOWS * 5000);
	assert_int_equal(crowd.bucket.windows[0].used_units, 5000);
	assert_int_equal(crowd.bucket.windows[2].used_units, 5000);
	assert_int_equal(crowd.bucket.windows[3].used_units, WINDOWS * 5000);
}

/* The same with the machine's own clock, and windows that end while the threads push. */
static __u64 machine_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

static void *push_by_the_machines_clock(void *argument)
{
	struct member *member = argument;
	struct crowd *crowd = member->crowd;
	__u64 end_ns = machine_ns() + SECOND;

	do {
		set_clock(machine_ns());
		crowd->passed[member->number] += passes(&crowd->bucket, &crowd->class);
	} while (fake_boot_ns < end_ns);
	return NULL;
}

static void threads_by_the_machines_clock(void **state)
{
	struct crowd crowd = {.class = one_limit(50, 100 * MILLISECOND, XRL_PACKETS)};
	__u64 begin_ns = machine_ns(), passed = 0, last;
	struct member members[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		members[i] = (struct member){.crowd = &crowd, .number = i};
		assert_int_equal(pthread_create(&members[i].thread, NULL,
		                                push_by_the_machines_clock, &members[i]),
		                 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(members[i].thread, NULL);
		passed += crowd.passed[i];
	}
	/* every window but the last is full, and there were no more than the time has room for */
	last = crowd.bucket.windows[0].used_units;
	assert_int_equal((passed - last) % 50, 0);
	assert_true((passed - last) / 50 <= (machine_ns() - begin_ns) / (100 * MILLISECOND));
	assert_true(passed > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_as_in_the_model),
		cmocka_unit_test(bytes_are_as_in_the_model),
		cmocka_unit_test(connections_are_as_in_the_model),
		cmocka_unit_test(unlimited_demand_gets_exactly_n),
		cmocka_unit_test(clocks_that_disagree_admit_no_more),
		cmocka_unit_test(a_clock_set_back_opens_nothing),
		cmocka_unit_test(jiffies_go_round),
		cmocka_unit_test(idle_sources_are_as_new),
		cmocka_unit_test(jiffies_that_went_round_cost_a_second),
		cmocka_unit_test(all_or_none),
		cmocka_unit_test(the_unit_that_refuses_is_named),
		cmocka_unit_test(more_than_a_limit_holds_never_passes),
		cmocka_unit_test(what_uses_nothing_opens_no_window),
		cmocka_unit_test(no_limits_refuse_nothing),
		cmocka_unit_test(icmp_errors_have_their_own_window),
		cmocka_unit_test(giving_back_ends_with_the_window),
		cmocka_unit_test(threads_get_exactly_n_in_each_window),
		cmocka_unit_test(threads_get_exactly_n_of_four_limits),
		cmocka_unit_test(threads_by_the_machines_clock),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
