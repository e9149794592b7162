// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "user/serve/http/connections.h"
#include "tests/units.h"

#define LIMIT 20
#define MOST  30

static struct connections connections;
static struct tracked *tracked[MOST];
static int peers[MOST];

static int set_up(void **state)
{
	(void)state;
	connections_init(&connections, LIMIT, 12345);
	memset(tracked, 0, sizeof(tracked));
	return 0;
}

static struct in6_addr key_of(int number)
{
	return (struct in6_addr){.s6_addr = {[15] = number}};
}

static void add(int i, int from, uint64_t now_ns)
{
	const struct in6_addr key = key_of(from);
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	peers[i] = pair[1];
	tracked[i] = connections_add(&connections, pair[0], &key, now_ns);
	assert_non_null(tracked[i]);
}

static void leave(int i)
{
	int fd = tracked[i]->fd;

	connections_remove(&connections, tracked[i]);
	tracked[i] = NULL;
	close(fd);
	close(peers[i]);
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < MOST; i++)
		if (tracked[i])
			leave(i);
	return connections.count || connections.shut || !TAILQ_EMPTY(&connections.by_start) ||
	       !TAILQ_EMPTY(&connections.by_idle);
}

/* The client's view. */
static bool is_shut(int i)
{
	char byte;

	return !read(peers[i], &byte, 1);
}

static void there_is_always_room(void **state)
{
	(void)state;
	for (int i = 0; i < 25; i++)
		add(i, i, i);
	for (int i = 0; i < 25; i++)
		assert_int_equal(is_shut(i), i < 25 - 18);
	assert_int_equal(connections.count - connections.shut, 18);
}

static void a_busy_connection_stays(void **state)
{
	(void)state;
	for (int i = 0; i < 18; i++)
		add(i, i, i);
	connections_begin_request(&connections, tracked[0]);
	connections_begin_request(&connections, tracked[1]);
	connections_end_request(&connections, tracked[1], 18);
	add(18, 18, 19);
	add(19, 19, 20);
	assert_false(is_shut(0));
	assert_false(is_shut(1));
	assert_true(is_shut(2));
	assert_true(is_shut(3));
	assert_false(is_shut(4));
}

static void no_busy_connection_is_shut_down(void **state)
{
	(void)state;
	for (int i = 0; i < 19; i++) {
		add(i, i, i);
		connections_begin_request(&connections, tracked[i]);
	}
	for (int i = 0; i < 19; i++)
		assert_false(is_shut(i));
}

static void a_connection_lives_sixty_seconds(void **state)
{
	(void)state;
	add(0, 0, 0);
	add(1, 1, SECOND_NS);
	connections_begin_request(&connections, tracked[0]);
	connections_shut_old(&connections, 59 * SECOND_NS);
	assert_false(is_shut(0));
	connections_shut_old(&connections, 60 * SECOND_NS);
	assert_true(is_shut(0));
	assert_false(is_shut(1));
	connections_end_request(&connections, tracked[0], 60 * SECOND_NS);
	connections_shut_old(&connections, 61 * SECOND_NS);
	assert_true(is_shut(1));
}

static void a_drain_shuts_down_served_connections_first(void **state)
{
	(void)state;
	add(0, 0, 0);
	add(1, 1, 0);
	add(2, 2, 0);
	for (int i = 0; i < 2; i++)
		connections_begin_request(&connections, tracked[i]);
	connections_end_request(&connections, tracked[0], 1);
	connections_end_request(&connections, tracked[1], 5);
	connections_shut_idle(&connections, 5);
	assert_true(is_shut(0));
	assert_false(is_shut(1)); /* not long enough */
	assert_false(is_shut(2)); /* its first request may be on its way */
}

static void connections_are_counted_by_address(void **state)
{
	const struct in6_addr three = key_of(3), four = key_of(4);

	(void)state;
	for (int i = 0; i < 6; i++)
		add(i, 3, 0);
	add(6, 4, 0);
	assert_int_equal(connections_count_from(&connections, &three, 100), 6);
	assert_int_equal(connections_count_from(&connections, &three, 4), 4);
	assert_int_equal(connections_count_from(&connections, &four, 100), 1);
	leave(2);
	assert_int_equal(connections_count_from(&connections, &three, 100), 5);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(there_is_always_room),
		test(a_busy_connection_stays),
		test(no_busy_connection_is_shut_down),
		test(a_connection_lives_sixty_seconds),
		test(a_drain_shuts_down_served_connections_first),
		test(connections_are_counted_by_address),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
