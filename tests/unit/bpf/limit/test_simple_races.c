// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* The simple path of bpf/limit/source_limits.h with other CPUs interleaved at any of its steps, and
 * with real threads. */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "tests/unit/bpf/clock_fixture.h"

/* Hooks: before_step runs before this CPU reads a clock or swaps a word, and after it has read a
 * clock; it lets other CPUs run. after_swap runs after each successful swap. */
static __thread void (*before_step)(void);
static __thread void (*after_swap)(const void *place, __u64 from, __u64 to);

static inline void step_begins(void)
{
	if (before_step)
		before_step();
}

static inline void swap_ends(const void *place, __u64 from, __u64 to)
{
	if (after_swap)
		after_swap(place, from, to);
}

#define WITH_STEPS(read)                \
	({                              \
		__typeof__(read) read_; \
		step_begins();          \
		read_ = read;           \
		step_begins();          \
		read_;                  \
	})
#define xrl_boot_ns() WITH_STEPS(xrl_boot_ns())
#define xrl_jiffies() WITH_STEPS(xrl_jiffies())
#define __sync_val_compare_and_swap(place, from, to)                  \
	({                                                            \
		__typeof__(from) seen_;                               \
		step_begins();                                        \
		seen_ = __sync_val_compare_and_swap(place, from, to); \
		if (seen_ == (from))                                  \
			swap_ends(place, from, to);                   \
		seen_;                                                \
	})

#include "tests/unit/bpf/limit/simple_fixture.h"
#include "tests/unit/bpf/limit/threads.h"

/* ---- other CPUs, between any two steps ---- */

/* One bucket, and the state of its window as observed from every swap. */
#define MAX_DELAY_NS (20 * MS_NS) /* per packet of the outermost CPU */

static struct {
	struct xrl_bucket bucket;
	struct xrl_class class;
	xrl_packed word;
	__u64 opened_ns, opened, filled, admitted, allowed;
	__u64 delayed_ns;
	int depth;
} world;

static int may_have_expired(void)
{
	return fake_boot_ns + MAX_DELAY_NS >= world.opened_ns + world.class.limits[0].period_ns;
}

static int must_have_expired(void)
{
	return fake_boot_ns > world.opened_ns + world.class.limits[0].period_ns + JIFFY_NS +
	                              MAX_DELAY_NS + 2 * tick_ns(&world.class.limits[0]);
}

static int is_full(void)
{
	return world.word && !must_have_expired() &&
	       xrl_window_used(&world.class.limits[0], world.word) ==
	               world.class.limits[0].max_units;
}

static void assert_may_open(xrl_packed to)
{
	__u64 checked_ns = (__u64)world.bucket.checked_ticks << XRL_CHECKED_SHIFT;

	assert_true(!world.word || may_have_expired());
	assert_false(xrl_window_is_expired(&world.class.limits[0], to, fake_boot_ns));
	assert_true(fake_boot_ns - checked_ns < (1 << XRL_CHECKED_SHIFT) + MAX_DELAY_NS);
	world.opened_ns = fake_boot_ns;
	world.opened++;
}

/* A window holds N, stays open for a period, and opens with its first packet. */
static void check_swap(const void *place, __u64 from, __u64 to)
{
	const struct xrl_limit *limit = &world.class.limits[0];

	if (place == &world.bucket.checked_ticks)
		assert_true(to > from);
	if (place != &world.bucket.windows[0])
		return;
	assert_int_equal(from, world.word);
	if (!to) {
		assert_true(may_have_expired());
		world.word = 0;
		return;
	}
	if (from && xrl_window_is_same(limit, from, to)) {
		assert_int_equal(to, from + 1);
		assert_false(must_have_expired());
	} else {
		assert_int_equal(xrl_window_used(limit, to), 1);
		assert_may_open(to);
	}
	assert_true(xrl_window_used(limit, to) <= limit->max_units);
	world.word = to;
	world.filled += is_full();
	world.admitted++;
}

static void send_watched_packet(void)
{
	__u64 filled = world.filled, was_full = is_full();
	enum xrl_result result = charge_simple_path(&world.bucket, &world.class);

	world.allowed += result == XRL_PASS;
	assert_int_not_equal(result, XRL_RETRY);
	if (result == XRL_OVER_LIMIT)
		assert_true(was_full || world.filled != filled);
}

static void delay(void)
{
	__u64 ns = random_below(2 * JIFFY_NS);

	if (world.delayed_ns + ns > MAX_DELAY_NS)
		return;
	world.delayed_ns += ns;
	set_clock(fake_boot_ns + ns);
}

static void run_other_cpus(void)
{
	if (world.depth == 2 || random_below(4))
		return;
	world.depth++;
	if (!random_below(4))
		delay();
	if (random_below(16))
		send_watched_packet();
	else
		xrl_charge_icmp_error(&world.bucket, &world.class);
	world.depth--;
}

/* Some pauses are long enough for the ticks of a window to wrap, so that it looks open to a CPU
 * that finds the bucket just refreshed by another. */
static __u64 pause_ns(__u64 period_ns)
{
	switch (random_below(16)) {
	case 0:
		if (random_below(2))
			return random_below(3 * wrap_ns(&world.class.limits[0]));
		return random_below(29 * period_ns / 10);
	case 1 ... 2:
		return period_ns - random_below(2 * JIFFY_NS);
	case 3 ... 5:
		return random_below(period_ns / 10);
	default:
		return random_below(JIFFY_NS);
	}
}

/* An expired window must not look open to the next packet. */
static void assert_fresh_is_open(void)
{
	if (world.word && must_have_expired())
		assert_false(xrl_is_fresh(&world.bucket, &world.class));
}

static void interleave(__u64 max_units, __u64 period_ns)
{
	world = (typeof(world)){.class = simple_class(max_units, period_ns)};
	set_clock(DAY_NS + random_below(YEAR_NS));
	for (int i = 0; i < 6000; i++) {
		world.delayed_ns = 0;
		before_step = run_other_cpus;
		after_swap = check_swap;
		send_watched_packet();
		before_step = NULL;
		after_swap = NULL;
		assert_int_equal(xrl_window_read(&world.bucket.windows[0]), world.word);
		assert_int_equal(world.admitted, world.allowed);
		set_clock(fake_boot_ns + pause_ns(period_ns));
		assert_fresh_is_open();
	}
	assert_true(world.opened > 300);
}

static void other_cpus_interleave_at_any_step(void **state)
{
	static const __u64 periods_ns[] = {100 * MS_NS, SECOND_NS, HOUR_NS};
	static const __u64 most_units[] = {1, 4, 30, 1000};

	(void)state;
	for (int i = 0; i < 120; i++)
		interleave(most_units[i / 3 % 4], periods_ns[i % 3]);
}

/* ---- one CPU, delayed at one of its steps ---- */

static int steps;

static void delay_at_chosen_step(void)
{
	if (--steps == 0)
		set_clock(fake_boot_ns + 50 * MS_NS);
}

/* Moves the clock to the end of the window by its ticks alone. */
static void set_clock_to_the_end(void)
{
	const struct xrl_limit *limit = &world.class.limits[0];
	xrl_packed word = xrl_window_read(&world.bucket.windows[0]);

	while (!xrl_window_is_expired(limit, word, fake_boot_ns))
		set_clock(fake_boot_ns + JIFFY_NS);
}

/* Whatever freshness it stored before or after the delay, no expired window looks open. */
static void delayed_cpu_extends_no_freshness(void **state)
{
	(void)state;
	for (int i = 0; i < 5 * 8 * 16; i++) {
		__u64 max_units = 1 + i / 128, into_ns = i / 16 % 8 * 117 * MS_NS;

		world = (typeof(world)){.class = simple_class(max_units, SECOND_NS)};
		set_clock(DAY_NS + random_below(SECOND_NS));
		before_step = delay_at_chosen_step;
		steps = i % 2 ? i % 16 : 0;
		assert_int_equal(charge_simple_path(&world.bucket, &world.class), XRL_PASS);
		set_clock(fake_boot_ns + into_ns);
		world.bucket.settled_until_jiffies = fake_jiffies; /* to force a refresh */
		steps = i % 16;
		flood_simple(&world.bucket, &world.class, 3);
		before_step = NULL;
		set_clock_to_the_end();
		assert_false(xrl_is_fresh(&world.bucket, &world.class));
		assert_int_equal(charge_simple_path(&world.bucket, &world.class), XRL_PASS);
		assert_int_equal(world.bucket.windows[0].used_units, 1);
	}
}

/* CPUs whose clocks are behind keep storing refresh times. The expired window is closed first, so
 * that the next packet sees it. */
static void move_checked_ticks(void)
{
	world.bucket.checked_ticks++;
}

static void no_window_opens_before_its_refresh_is_stored(void **state)
{
	(void)state;
	for (int packets = 0; packets < 3; packets++) {
		world = (typeof(world)){.class = simple_class(2, SECOND_NS)};
		set_clock(DAY_NS);
		flood_simple(&world.bucket, &world.class, packets);
		set_clock(DAY_NS + 2 * SECOND_NS);
		world.bucket.checked_ticks = xrl_checked_now(fake_boot_ns) - 20;
		before_step = move_checked_ticks;
		assert_int_equal(xrl_refresh_simple(&world.bucket, &world.class), XRL_RETRY);
		before_step = NULL;
		assert_int_equal(xrl_window_read(&world.bucket.windows[0]), 0);
		assert_false(xrl_is_fresh(&world.bucket, &world.class));
	}
}

/* ---- real threads ---- */

#define THREADS     4
#define ATTEMPTS    5
#define WINDOWS     1500
#define MOST_OPENED 64

struct shared {
	struct xrl_bucket bucket;
	struct xrl_class class;
	pthread_barrier_t barrier;
	__u64 passed, rejected;
	__u64 end_ns;
	xrl_packed opened_as[MOST_OPENED];
	__u32 opened, stalls;
};

static struct shared shared;

static void run(void *(*push)(void *))
{
	pthread_barrier_init(&shared.barrier, NULL, THREADS);
	run_threads(THREADS, push, NULL, 0);
	pthread_barrier_destroy(&shared.barrier);
}

/* All threads find the last window expired at the same moment. */
static void *push_together(void *argument)
{
	__u64 passed = 0;

	(void)argument;
	for (int window = 0; window < WINDOWS; window++) {
		set_clock(DAY_NS + window * 2 * SECOND_NS);
		pthread_barrier_wait(&shared.barrier);
		passed += flood_simple(&shared.bucket, &shared.class, 50);
		pthread_barrier_wait(&shared.barrier);
	}
	__sync_fetch_and_add(&shared.passed, passed);
	return NULL;
}

static void threads_open_one_window_together(void **state)
{
	(void)state;
	shared = (struct shared){.class = simple_class(50, SECOND_NS)};
	run(push_together);
	assert_int_equal(shared.passed, WINDOWS * 50);
	assert_int_equal(shared.bucket.windows[0].used_units, 50);
}

static void read_the_machines_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	set_clock(now.tv_sec * SECOND_NS + now.tv_nsec);
}

static void record_opened(const void *place, __u64 from, __u64 to)
{
	const struct xrl_limit *limit = &shared.class.limits[0];
	__u32 i;

	if (place != &shared.bucket.windows[0] || !to ||
	    (from && xrl_window_is_same(limit, from, to)))
		return;
	i = __sync_fetch_and_add(&shared.opened, 1);
	if (i < MOST_OPENED)
		shared.opened_as[i] = to;
}

/* The limit guarantees nothing to a CPU delayed by half a period. */
static void *push_on_the_machines_clock(void *argument)
{
	__u64 passed = 0, rejected = 0, began_ns;
	enum xrl_result result;

	(void)argument;
	before_step = read_the_machines_clock;
	after_swap = record_opened;
	do {
		read_the_machines_clock();
		began_ns = fake_boot_ns;
		result = charge_simple_path(&shared.bucket, &shared.class);
		passed += result == XRL_PASS;
		rejected += result == XRL_OVER_LIMIT;
		read_the_machines_clock();
		if (fake_boot_ns - began_ns >= shared.class.limits[0].period_ns / 2)
			__sync_fetch_and_add(&shared.stalls, 1);
	} while (fake_boot_ns < shared.end_ns);
	__sync_fetch_and_add(&shared.passed, passed);
	__sync_fetch_and_add(&shared.rejected, rejected);
	return NULL;
}

static int run_for(__u64 max_units, __u64 period_ns, __u64 run_ns)
{
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		shared = (struct shared){.class = simple_class(max_units, period_ns)};
		read_the_machines_clock();
		shared.end_ns = fake_boot_ns + run_ns;
		run(push_on_the_machines_clock);
		if (!shared.stalls)
			return 1;
	}
	return 0;
}

/* The next window opens a period after the last one, and soon, since some thread always sends. */
static void assert_opened_in_time(void)
{
	const struct xrl_limit *limit = &shared.class.limits[0];

	assert_true(shared.opened <= MOST_OPENED);
	for (__u32 i = 1; i < shared.opened; i++) {
		__u32 lasted_ticks = (shared.opened_as[i] >> limit->used_bits) -
		                     (shared.opened_as[i - 1] >> limit->used_bits);

		lasted_ticks &= xrl_window_tick_mask(limit);
		assert_true(lasted_ticks >= limit->period_ticks);
		assert_true(lasted_ticks < 2 * limit->period_ticks);
	}
}

static void threads_on_the_machines_clock(void **state)
{
	(void)state;
	if (!run_for(200, 250 * MS_NS, 5 * SECOND_NS / 4))
		skip(); /* the machine is too busy: a thread stalled in every attempt */
	assert_int_equal(shared.passed,
	                 (shared.opened - 1) * 200 + shared.bucket.windows[0].used_units);
	assert_opened_in_time();
	assert_true(shared.opened > 3 && shared.opened <= 5 + 1);
	assert_true(shared.rejected > 0);
}

static int clear_hooks(void **state)
{
	(void)state;
	before_step = NULL;
	after_swap = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(other_cpus_interleave_at_any_step, clear_hooks),
		cmocka_unit_test_teardown(delayed_cpu_extends_no_freshness, clear_hooks),
		cmocka_unit_test_teardown(no_window_opens_before_its_refresh_is_stored,
	                                  clear_hooks),
		cmocka_unit_test_teardown(threads_open_one_window_together, clear_hooks),
		cmocka_unit_test_teardown(threads_on_the_machines_clock, clear_hooks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
