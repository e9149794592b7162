// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* bpf/limit/source_limits.h with real threads, which stand for CPUs. */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "tests/unit/bpf/limit/class_fixture.h"
#include "tests/unit/bpf/limit/threads.h"

/* One bucket, and a clock that all threads share. */
#define THREADS 4
#define WINDOWS 30

struct shared {
	struct xrl_bucket bucket;
	struct xrl_class class;
	pthread_barrier_t barrier;
	__u64 passed[THREADS];
	int stalls[THREADS];
	__u32 attempts; /* per thread and window */
};

struct worker {
	struct shared *shared;
	int number;
};

static void *push(void *argument)
{
	struct worker *worker = argument;
	struct shared *shared = worker->shared;

	for (int window = 0; window < WINDOWS; window++) {
		set_clock(DAY_NS + window * 2 * SECOND_NS);
		pthread_barrier_wait(&shared->barrier);
		shared->passed[worker->number] +=
			flood(&shared->bucket, &shared->class, shared->attempts);
		pthread_barrier_wait(&shared->barrier);
	}
	return NULL;
}

/* Returns how many packets passed. */
static __u64 run_workers(struct shared *shared, void *(*function)(void *))
{
	struct worker workers[THREADS];
	__u64 passed = 0;

	pthread_barrier_init(&shared->barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		workers[i] = (struct worker){.shared = shared, .number = i};
	run_threads(THREADS, function, workers, sizeof(workers[0]));
	pthread_barrier_destroy(&shared->barrier);
	for (int i = 0; i < THREADS; i++)
		passed += shared->passed[i];
	return passed;
}

static void threads_pass_exactly_n_in_each_window(void **state)
{
	struct shared shared = {.class = one_limit(20000, SECOND_NS, XRL_PACKETS),
	                        .attempts = 20000};

	(void)state;
	assert_int_equal(run_workers(&shared, push), WINDOWS * 20000);
}

static void threads_pass_exactly_n_of_four_limits(void **state)
{
	struct shared shared = {.class = empty_class(), .attempts = 20000};

	(void)state;
	add_limit(&shared.class, 9000, SECOND_NS, XRL_PACKETS);
	add_limit(&shared.class, 5000 * TINY_FRAME + TINY_FRAME - 1, SECOND_NS, XRL_BYTES);
	add_limit(&shared.class, 6000, SECOND_NS, XRL_CONNECTIONS);
	add_limit(&shared.class, WINDOWS * 5000, HOUR_NS, XRL_PACKETS);
	assert_int_equal(run_workers(&shared, push), WINDOWS * 5000);
	assert_int_equal(shared.bucket.windows[0].used_units, 5000);
	assert_int_equal(shared.bucket.windows[2].used_units, 5000);
	assert_int_equal(shared.bucket.windows[3].used_units, WINDOWS * 5000);
}

/* All three algorithms. The last ones reject packets that the first ones have charged and must
 * refund while other threads charge them. Windows are two periods apart, so none overlap. */
static void threads_pass_exactly_n_of_mixed_limits(void **state)
{
	static const __u64 units[][3] = {
		{9000, 5000, 6000}, {5000, 6000, 9000}, {6000, 9000, 5000}};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct shared shared = {.class = empty_class(), .attempts = 5500};

		for (int k = XRL_ALGORITHMS - 1; k >= 0; k--)
			add(&shared.class,
			    limit_like(k, units[i][k], units[i][k], SECOND_NS, XRL_PACKETS));
		assert_int_equal(run_workers(&shared, push), WINDOWS * 5000);
		for (int k = 0; k < XRL_ALGORITHMS; k++)
			assert_int_equal(xrl_limit_used(&shared.class.limits[k],
			                                xrl_window_read(&shared.bucket.windows[k]),
			                                DAY_NS + (WINDOWS - 1) * 2 * SECOND_NS),
			                 5000);
	}
}

/* The same on the machine's clock, with windows that expire while the threads push. */
#define MACHINE_PERIOD_NS (400 * MS_NS)

static __u64 machine_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void *push_on_the_machines_clock(void *argument)
{
	struct worker *worker = argument;
	struct shared *shared = worker->shared;
	__u64 end_ns = machine_ns() + 2 * SECOND_NS;

	do {
		set_clock(machine_ns());
		shared->passed[worker->number] += passes(&shared->bucket, &shared->class);
		if (machine_ns() - fake_boot_ns >= MACHINE_PERIOD_NS / 2)
			shared->stalls[worker->number] = 1;
	} while (fake_boot_ns < end_ns);
	return NULL;
}

/* Returns how many packets passed, or 0 if a thread stalled for so long that the limit guarantees
 * nothing. */
static __u64 run_on_the_machines_clock(struct shared *shared)
{
	__u64 passed = run_workers(shared, push_on_the_machines_clock);

	for (int i = 0; i < THREADS; i++)
		if (shared->stalls[i])
			return 0;
	return passed;
}

static void threads_on_the_machines_clock(void **state)
{
	__u64 begin_ns, passed = 0, last;
	struct shared shared;

	(void)state;
	for (int attempt = 0; attempt < 5 && !passed; attempt++) {
		shared = (struct shared){.class = one_limit(50, MACHINE_PERIOD_NS, XRL_PACKETS)};
		begin_ns = machine_ns();
		passed = run_on_the_machines_clock(&shared);
	}
	if (!passed)
		skip(); /* the machine is too busy: a thread stalled in every attempt */
	/* every window except the last is full, and there are no more than fit into the time */
	last = shared.bucket.windows[0].used_units;
	assert_int_equal((passed - last) % 50, 0);
	assert_true((passed - last) / 50 <= (machine_ns() - begin_ns) / MACHINE_PERIOD_NS);
	assert_true(passed > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_pass_exactly_n_in_each_window),
		cmocka_unit_test(threads_pass_exactly_n_of_four_limits),
		cmocka_unit_test(threads_pass_exactly_n_of_mixed_limits),
		cmocka_unit_test(threads_on_the_machines_clock),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
