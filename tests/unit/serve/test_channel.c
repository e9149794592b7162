// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "user/serve/ipc/channel.h"

#define MAX_MESSAGE 100000

static struct channel here, there;

static int set_up(void **state)
{
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
		return 1;
	channel_open(&here, pair[0], MAX_MESSAGE);
	channel_open(&there, pair[1], MAX_MESSAGE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	channel_close(&here);
	channel_close(&there);
	return 0;
}

static void expect(int number, const char *text)
{
	const char *found_text;
	json_t *object;
	size_t length;

	assert_int_equal(channel_next(&there, &object, &found_text, &length), 1);
	assert_int_equal(json_integer_value(json_object_get(object, "number")), number);
	assert_int_equal(length, strlen(text));
	assert_memory_equal(found_text, text, length);
	json_decref(object);
}

static void expect_none(void)
{
	const char *text;
	json_t *object;
	size_t length;

	assert_int_equal(channel_next(&there, &object, &text, &length), 0);
}

static void send_number(int number, const char *text)
{
	assert_int_equal(
		channel_send(&here, json_pack("{s:i}", "number", number), text, strlen(text)), 0);
}

static void messages_arrive_in_order(void **state)
{
	(void)state;
	send_number(1, "");
	send_number(2, "text");
	assert_int_equal(channel_receive(&there), 0);
	expect(1, "");
	expect(2, "text");
	expect_none();
	send_number(3, "more");
	assert_int_equal(channel_receive(&there), 0);
	expect(3, "more");
}

/* One byte at a time. */
static void a_message_may_arrive_in_pieces(void **state)
{
	const char object[] = "{\"number\":7}";
	const uint32_t lengths[2] = {strlen(object), 2};
	char bytes[sizeof(lengths) + sizeof(object) - 1 + 2];

	(void)state;
	memcpy(bytes, lengths, sizeof(lengths));
	memcpy(bytes + sizeof(lengths), object, strlen(object));
	memcpy(bytes + sizeof(lengths) + strlen(object), "ok", 2);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		expect_none();
		assert_int_equal(write(here.fd, &bytes[i], 1), 1);
		assert_int_equal(channel_receive(&there), 0);
	}
	expect(7, "ok");
}

/* Much more than a socket buffer holds: the rest follows when there is room. */
static void unsent_messages_follow(void **state)
{
	char *text = malloc(90001);

	(void)state;
	memset(text, 'x', 90000);
	text[90000] = '\0';
	for (int i = 0; i < 50; i++)
		send_number(i, text);
	assert_true(channel_has_unsent(&here));
	for (int i = 0; i < 50;) {
		const char *found;
		json_t *object;
		size_t length;

		assert_int_equal(channel_flush(&here), 0);
		assert_int_equal(channel_receive(&there), 0);
		if (channel_next(&there, &object, &found, &length) != 1)
			continue;
		assert_int_equal(json_integer_value(json_object_get(object, "number")), i++);
		assert_int_equal(length, 90000);
		json_decref(object);
	}
	assert_false(channel_has_unsent(&here));
	free(text);
}

static void the_longest_message_arrives(void **state)
{
	const char head[] = "{\"number\":9}";
	char *text = calloc(1, MAX_MESSAGE);

	(void)state;
	memset(text, 'y', MAX_MESSAGE - strlen(head));
	send_number(9, text);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(channel_flush(&here), 0);
		assert_int_equal(channel_receive(&there), 0);
	}
	expect(9, text);
	free(text);
}

static void check_refused(uint32_t object_length, uint32_t text_length, const char *bytes)
{
	const uint32_t lengths[2] = {object_length, text_length};
	const char *text;
	json_t *object;
	size_t length;

	set_up(NULL);
	assert_int_equal(write(here.fd, lengths, sizeof(lengths)), sizeof(lengths));
	assert_int_equal(write(here.fd, bytes, strlen(bytes)), strlen(bytes));
	assert_int_equal(channel_receive(&there), 0);
	assert_int_equal(channel_next(&there, &object, &text, &length), -EPROTO);
	tear_down(NULL);
}

static void false_lengths_are_refused(void **state)
{
	(void)state;
	check_refused(MAX_MESSAGE + 1, 0, "");
	check_refused(UINT32_MAX, UINT32_MAX, "");
	check_refused(2, MAX_MESSAGE - 1, "");
	check_refused(2, UINT32_MAX - 1, "");
	check_refused(2, 0, "{]");
	check_refused(0, 0, "");
	check_refused(13, 0, "{\"a\":1,\"a\":2}");
}

static void a_closed_peer_is_reported(void **state)
{
	(void)state;
	send_number(1, "last");
	channel_close(&here);
	assert_int_equal(channel_receive(&there), -EPIPE);
	expect(1, "last");
	assert_int_not_equal(channel_send(&there, json_object(), NULL, 0), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(messages_arrive_in_order),
		test(a_message_may_arrive_in_pieces),
		test(unsent_messages_follow),
		test(the_longest_message_arrives),
		cmocka_unit_test(false_lengths_are_refused),
		test(a_closed_peer_is_reported),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
