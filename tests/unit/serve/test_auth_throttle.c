// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "user/serve/worker/auth_throttle.h"
#include "tests/units.h"

#define NOW (1000 * SECOND_NS)

static struct auth_throttle *throttle;

static int set_up(void **state)
{
	(void)state;
	throttle = calloc(1, sizeof(*throttle));
	return !throttle;
}

static int tear_down(void **state)
{
	(void)state;
	free(throttle);
	return 0;
}

static struct in6_addr key_of(uint32_t number)
{
	struct in6_addr key = {};

	memcpy(&key.s6_addr[12], &number, sizeof(number));
	return key;
}

static void guess(const struct in6_addr *key, int times, uint64_t now_ns)
{
	while (times--) {
		assert_int_equal(auth_throttle_wait_ns(throttle, key, now_ns), 0);
		auth_throttle_count_failure(throttle, key, now_ns);
	}
}

static void a_burst_of_five_then_one_in_ten_seconds(void **state)
{
	const struct in6_addr key = key_of(1);

	(void)state;
	guess(&key, 5, NOW);
	assert_int_equal(auth_throttle_wait_ns(throttle, &key, NOW), 10 * SECOND_NS);
	assert_int_equal(auth_throttle_wait_ns(throttle, &key, NOW + 3 * SECOND_NS), 7 * SECOND_NS);
	assert_int_equal(auth_throttle_wait_ns(throttle, &key, NOW + 10 * SECOND_NS - 1), 1);
	guess(&key, 1, NOW + 10 * SECOND_NS);
	assert_int_equal(auth_throttle_wait_ns(throttle, &key, NOW + 10 * SECOND_NS),
	                 10 * SECOND_NS);
	guess(&key, 3, NOW + 40 * SECOND_NS);
	assert_int_not_equal(auth_throttle_wait_ns(throttle, &key, NOW + 40 * SECOND_NS), 0);
}

static void wrong_tokens_are_forgiven_in_time(void **state)
{
	const struct in6_addr key = key_of(1);

	(void)state;
	guess(&key, 5, NOW);
	guess(&key, 5, NOW + 50 * SECOND_NS);
	assert_int_not_equal(auth_throttle_wait_ns(throttle, &key, NOW + 50 * SECOND_NS), 0);
	guess(&key, 5, NOW + 100000 * SECOND_NS);
	assert_int_not_equal(auth_throttle_wait_ns(throttle, &key, NOW + 100000 * SECOND_NS), 0);
}

static void other_clients_are_not_delayed(void **state)
{
	const struct in6_addr key = key_of(1);

	(void)state;
	guess(&key, 5, NOW);
	for (uint32_t other = 2; other < 100; other++) {
		const struct in6_addr innocent = key_of(other);

		assert_int_equal(auth_throttle_wait_ns(throttle, &innocent, NOW), 0);
	}
}

/* Many more clients than slots: the latest ones are still known. */
static void the_stalest_slot_is_replaced(void **state)
{
	unsigned int known = 0;

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		const struct in6_addr key = key_of(i);

		guess(&key, 5, NOW + i);
	}
	for (uint32_t i = 19000; i < 20000; i++) {
		const struct in6_addr key = key_of(i);

		known += auth_throttle_wait_ns(throttle, &key, NOW + 20000) > 0;
	}
	assert_true(known >= 990);
}

/* A client with many wrong tokens is not forgotten for clients with one. */
static void a_slot_with_more_wrong_tokens_stays(void **state)
{
	const struct in6_addr worst = key_of(1);

	(void)state;
	guess(&worst, 5, NOW);
	for (uint32_t i = 2; i < 50000; i++) {
		const struct in6_addr key = key_of(i);

		auth_throttle_count_failure(throttle, &key, NOW + i);
	}
	assert_true(auth_throttle_wait_ns(throttle, &worst, NOW + 50000) > 0);
}

static void the_all_zero_key_is_an_ordinary_key(void **state)
{
	const struct in6_addr unix_socket = {};

	(void)state;
	assert_int_equal(auth_throttle_wait_ns(throttle, &unix_socket, NOW), 0);
	guess(&unix_socket, 5, NOW);
	assert_int_equal(auth_throttle_wait_ns(throttle, &unix_socket, NOW), 10 * SECOND_NS);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_burst_of_five_then_one_in_ten_seconds),
		test(wrong_tokens_are_forgiven_in_time),
		test(other_clients_are_not_delayed),
		test(the_stalest_slot_is_replaced),
		test(a_slot_with_more_wrong_tokens_stays),
		test(the_all_zero_key_is_an_ordinary_key),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
