// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/permits/permit_rows.c on the real SQLite, with a clock that the test sets: the quota
 * against a list of all requests, and permits against a simple model. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/permits/permit_rows.h"
#include "user/permits/quota.h"
#include "user/permits/store.h"
#include "tests/unit/random.h"

#include <cmocka.h>

#define SECOND_NS 1000000000LL
#define START_NS  (1700000000 * SECOND_NS)
#define LOCAL     1 /* the built-in account */
#define STEPS     3000
#define ADDRESSES 8

static char directory[] = "/tmp/xrl-test-XXXXXX";
static struct db db;

static const struct permit_rules rules = {
	.max_addresses = 10,
	.max_requests = 5,
	.window_ns = 3600 * SECOND_NS,
};

static int open_store(void **state)
{
	(void)state;
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	return !mkdtemp(directory) || store_open(&db, directory, STORE_CREATE, STORE_WAIT_MS);
}

static int remove_store(void **state)
{
	static const char *const files[] = {"permits.db", "permits.db-wal", "permits.db-shm"};
	char path[100];

	(void)state;
	store_close(&db);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
		unlink(path);
	}
	return rmdir(directory);
}

static void add_request(__s64 now_ns, __s64 *id)
{
	static const struct address_list one = {.count = 1};

	assert_int_equal(permit_rows_add_request(&db, LOCAL, now_ns, &one, "test", NULL, id),
	                 EXIT_DONE);
}

/* Requests at random times; after each step the quota must match a count of them. */
static void the_quota_counts_requests_in_a_sliding_window(void **state)
{
	static __s64 made[STEPS];
	__s64 now_ns = START_NS, id;
	int count = 0;

	(void)state;
	assert_int_equal(db_begin(&db), EXIT_DONE);
	for (int step = 0; step < STEPS; step++) {
		struct permit_quota quota;
		__u32 used = 0;
		__s64 oldest_ns = 0;

		/* sometimes exactly when the oldest request stops counting, or 1 ns earlier */
		now_ns += (__s64)random_below(2000 * SECOND_NS);
		if (step % 7 == 0 && count && made[count - 1] + (__s64)rules.window_ns > now_ns)
			now_ns = made[count - 1] + (__s64)rules.window_ns - (step % 2);
		for (int i = count - 1; i >= 0 && made[i] > now_ns - (__s64)rules.window_ns; i--) {
			used++;
			oldest_ns = made[i];
		}
		assert_int_equal(quota_read(&db, LOCAL, &rules, now_ns, &quota), EXIT_DONE);
		assert_int_equal(quota.limit, 5);
		assert_int_equal(quota.remaining, 5 - used);
		assert_int_equal(quota.reset_unix_ns,
		                 used ? oldest_ns + (__s64)rules.window_ns : now_ns);
		if (!quota.remaining)
			continue;
		add_request(now_ns, &id);
		made[count++] = now_ns;
	}
	assert_true(count > STEPS / 4 && count < STEPS);
	assert_int_equal(db_commit(&db), EXIT_DONE);
}

/* After the limit was lowered, more requests count than it allows: wait until enough have stopped.
 */
static void a_lowered_quota_says_when_the_next_request_is_possible(void **state)
{
	struct permit_rules lower = rules;
	struct permit_quota quota;
	__s64 id;

	(void)state;
	for (int i = 0; i < 5; i++)
		add_request(START_NS + i * SECOND_NS, &id);
	lower.max_requests = 2;
	assert_int_equal(quota_read(&db, LOCAL, &lower, START_NS + 10 * SECOND_NS, &quota),
	                 EXIT_DONE);
	assert_int_equal(quota.remaining, 0);
	/* then four have stopped counting, and one counts */
	assert_int_equal(quota.reset_unix_ns, START_NS + (3600 + 3) * SECOND_NS);
}

static struct xrl_address address_of(int i)
{
	return (struct xrl_address){.octets = {192, 0, 2, i}};
}

static __s64 until_of(int i)
{
	struct xrl_address address = address_of(i);
	struct permit_entries entries = {};
	__s64 until_ns;

	assert_int_equal(permit_entries_add(&entries, &address), EXIT_DONE);
	assert_int_equal(permit_rows_look_up(&db, &entries), EXIT_DONE);
	until_ns = entries.entries[0].until_unix_ns;
	permit_entries_free(&entries);
	return until_ns;
}

/* One step, and its expected result. 0: no permit. */
static void permit_one(int i, __s64 now_ns, __s64 *model)
{
	struct permit_result result = {.address = address_of(i)};
	__s64 until_ns = now_ns + (__s64)(random_below(500) + 1) * SECOND_NS, id;

	add_request(now_ns, &id);
	assert_int_equal(permit_rows_permit(&db, LOCAL, id, now_ns, until_ns, &result), EXIT_DONE);
	if (!*model)
		assert_int_equal(result.change, PERMIT_NEW);
	else if (until_ns > *model)
		assert_int_equal(result.change, PERMIT_EXTENDED);
	else
		assert_int_equal(result.change, PERMIT_UNCHANGED);
	*model = until_ns > *model ? until_ns : *model;
	assert_int_equal(result.until_unix_ns, *model);
}

static void revoke_one(int i, __s64 now_ns, __s64 *model)
{
	struct permit_result result = {.address = address_of(i)};

	assert_int_equal(permit_rows_revoke(&db, LOCAL, now_ns, &result), EXIT_DONE);
	assert_int_equal(result.change, *model ? PERMIT_REVOKED : PERMIT_NONE);
	*model = 0;
}

static void expire(__s64 now_ns, __s64 model[ADDRESSES])
{
	struct permit_entries ended = {};
	__u32 expected = 0;

	for (int i = 0; i < ADDRESSES; i++)
		if (model[i] && model[i] <= now_ns) {
			model[i] = 0;
			expected++;
		}
	assert_int_equal(permit_rows_expire(&db, now_ns, &ended), EXIT_DONE);
	assert_int_equal(ended.count, expected);
	permit_entries_free(&ended);
}

static void permits_match_a_simple_model(void **state)
{
	__s64 model[ADDRESSES] = {}, now_ns = START_NS, count;

	(void)state;
	assert_int_equal(db_begin(&db), EXIT_DONE);
	for (int step = 0; step < STEPS; step++) {
		int i = random_below(ADDRESSES);
		__s64 in_force = 0;

		now_ns += (__s64)(random_below(100)) * SECOND_NS;
		expire(now_ns, model);
		if (random_below(4))
			permit_one(i, now_ns, &model[i]);
		else
			revoke_one(i, now_ns, &model[i]);
		for (int j = 0; j < ADDRESSES; j++) {
			assert_int_equal(until_of(j), model[j]);
			in_force += !!model[j];
		}
		assert_int_equal(permit_rows_count(&db, 0, &count), EXIT_DONE);
		assert_int_equal(count, in_force);
	}
	assert_int_equal(db_commit(&db), EXIT_DONE);
}

static void ended_permits_are_purged_after_thirty_days(void **state)
{
	const __s64 month_ns = 30 * 86400 * SECOND_NS;
	struct permit_result result = {.address = address_of(1)};
	struct permit_entries ended = {};
	struct permit_record *records;
	__u32 count;
	__s64 id;

	(void)state;
	add_request(START_NS, &id);
	permit_rows_permit(&db, LOCAL, id, START_NS, START_NS + SECOND_NS, &result);
	permit_rows_expire(&db, START_NS + SECOND_NS, &ended);
	permit_entries_free(&ended);
	for (int late = 0; late <= 1; late++) {
		assert_int_equal(
			permit_rows_purge(&db, &rules, START_NS + SECOND_NS + month_ns + late),
			EXIT_DONE);
		assert_int_equal(permit_rows_list(&db, LOCAL, true, &records, &count), EXIT_DONE);
		assert_int_equal(count, late ? 0 : 1);
		free(records);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_quota_counts_requests_in_a_sliding_window,
	                                        open_store, remove_store),
		cmocka_unit_test_setup_teardown(
			a_lowered_quota_says_when_the_next_request_is_possible, open_store,
			remove_store),
		cmocka_unit_test_setup_teardown(permits_match_a_simple_model, open_store,
	                                        remove_store),
		cmocka_unit_test_setup_teardown(ended_permits_are_purged_after_thirty_days,
	                                        open_store, remove_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
