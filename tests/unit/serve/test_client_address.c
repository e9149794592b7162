// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "user/serve/ipc/client_address.h"

#include <cmocka.h> /* after our fail(), of which it makes a macro */

static int read_proxies(struct proxies *proxies, const char *const *texts, int count)
{
	struct serve_settings settings = {.trusted_proxy_count = count};
	char parse_error[300] = "";
	int error;

	for (int i = 0; i < count; i++)
		strcpy(settings.trusted_proxies[i], texts[i]);
	error = proxies_read(proxies, &settings, parse_error, sizeof(parse_error));
	assert_int_equal(error != 0, parse_error[0] != '\0');
	return error;
}

static void check_walk(const char *peer, const char *forwarded, const char *expected)
{
	static const char *const trusted[] = {"10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "unix"};
	/* on the heap, so that ASan catches an overrun */
	char *list = forwarded ? strdup(forwarded) : NULL;
	char text[CLIENT_ADDRESS_TEXT_SIZE], parse_error[300];
	struct proxies proxies;
	struct client_address client;
	int error;

	assert_int_equal(read_proxies(&proxies, trusted, 4), 0);
	assert_true(client_address_parse(&client, peer));
	error = client_address_resolve(&client, &proxies, list, parse_error, sizeof(parse_error));
	client_address_format(&client, text);
	if (error && expected)
		fail_msg("'%s' was refused: %s", forwarded, parse_error);
	if (!error && !expected)
		fail_msg("'%s' was taken for %s", forwarded, text);
	assert_string_equal(text, expected ? expected : peer);
	free(list);
}

static void the_walk_ends_at_the_first_address_that_is_not_a_proxy(void **state)
{
	(void)state;
	check_walk("203.0.113.1", NULL, "203.0.113.1");
	check_walk("203.0.113.1", "198.51.100.1", "203.0.113.1");
	check_walk("203.0.113.1", "nonsense", "203.0.113.1");
	check_walk("10.1.2.3", NULL, "10.1.2.3");
	check_walk("10.1.2.3", "203.0.113.1", "203.0.113.1");
	check_walk("10.1.2.3", " 203.0.113.1\t", "203.0.113.1");
	check_walk("10.1.2.3", "203.0.113.9,203.0.113.1, 192.0.2.1 ,10.0.0.1", "203.0.113.1");
	check_walk("10.1.2.3", "10.0.0.2,10.0.0.1", "10.0.0.2");
	check_walk("192.0.2.1", "203.0.113.1", "203.0.113.1");
	check_walk("192.0.2.2", "203.0.113.1", "192.0.2.2");
	check_walk("2001:db8::1", "2001:db9::1", "2001:db9::1");
	check_walk("2001:db8::1", "203.0.113.1, 2001:db8:ffff::1", "203.0.113.1");
	check_walk("::ffff:10.0.0.1", "::ffff:203.0.113.1", "203.0.113.1");
	check_walk("unix", NULL, "unix");
	check_walk("unix", "203.0.113.1", "203.0.113.1");
}

static void invalid_lists_are_refused(void **state)
{
	static const char *const lists[] = {
		"",
		" ",
		",",
		"203.0.113.1,",
		",203.0.113.1",
		"nonsense",
		"nonsense, 203.0.113.1",
		"203.0.113.1:80",
		"[2001:db9::1]",
		"203.0.113.1 203.0.113.2",
		"203.0.113.01",
		"203.0.113",
		"203.0.113.1;203.0.113.2",
		"unix",
		"0123456789012345678901234567890123456789012345678901234567890123456789",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		check_walk("10.1.2.3", lists[i], NULL);
}

static void proxies_are_addresses_and_prefixes(void **state)
{
	static const char *const good[] = {"0.0.0.0/0", "10.0.0.0/8",    "10.0.0.1/32",
	                                   "10.0.0.1",  "2001:db8::/32", "::/0",
	                                   "::1/128",   "unix",          "10.128.0.0/9"};
	static const char *const bad[] = {"",
	                                  "10.0.0.0/33",
	                                  "10.0.0.1/8",
	                                  "10.0.0.0/",
	                                  "10.0.0/8",
	                                  "10.0.0.0/8x",
	                                  "2001:db8::/129",
	                                  "localhost",
	                                  "10.0.0.0/-1",
	                                  "/8",
	                                  "UNIX",
	                                  "10.0.0.0/8/8",
	                                  "10.64.0.0/9"};
	struct proxies proxies;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (read_proxies(&proxies, &good[i], 1))
			fail_msg("'%s' was refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!read_proxies(&proxies, &bad[i], 1))
			fail_msg("'%s' was taken", bad[i]);
}

static void the_zero_prefix_trusts_all_but_the_unix_socket(void **state)
{
	static const char *const ipv4[] = {"0.0.0.0/0"};
	struct proxies proxies;
	struct client_address client;

	(void)state;
	read_proxies(&proxies, ipv4, 1);
	client_address_parse(&client, "203.0.113.1");
	assert_true(proxies_trust(&proxies, &client));
	client_address_parse(&client, "2001:db8::1");
	assert_false(proxies_trust(&proxies, &client));
	client_address_parse(&client, "unix");
	assert_false(proxies_trust(&proxies, &client));
}

static bool same_key(const char *a, const char *b)
{
	struct in6_addr first, second;
	struct client_address client;

	client_address_parse(&client, a);
	first = client_address_key(&client);
	client_address_parse(&client, b);
	second = client_address_key(&client);
	return !memcmp(&first, &second, sizeof(first));
}

static void addresses_that_count_as_one_client(void **state)
{
	(void)state;
	assert_true(same_key("203.0.113.1", "::ffff:203.0.113.1"));
	assert_false(same_key("203.0.113.1", "203.0.113.2"));
	assert_true(same_key("2001:db8::1", "2001:db8::ffff:1"));
	assert_false(same_key("2001:db8::1", "2001:db8:0:1::1"));
	assert_true(same_key("unix", "unix"));
	assert_false(same_key("unix", "0.0.0.0"));
}

static void a_peer_is_read_from_its_socket(void **state)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
	struct sockaddr local = {.sa_family = AF_UNIX};
	struct xrl_address address;
	struct client_address client;

	(void)state;
	inet_pton(AF_INET, "203.0.113.1", &ipv4.sin_addr);
	client_address_of_peer(&client, (struct sockaddr *)&ipv4);
	assert_true(client_address_is_ipv4(&client));
	address = client_address_ipv4(&client);
	assert_memory_equal(address.octets, ((__u8[]){203, 0, 113, 1}), 4);
	inet_pton(AF_INET6, "2001:db8::1", &ipv6.sin6_addr);
	client_address_of_peer(&client, (struct sockaddr *)&ipv6);
	assert_true(client.known);
	assert_false(client_address_is_ipv4(&client));
	inet_pton(AF_INET6, "::ffff:203.0.113.1", &ipv6.sin6_addr);
	client_address_of_peer(&client, (struct sockaddr *)&ipv6);
	assert_true(client_address_is_ipv4(&client));
	client_address_of_peer(&client, &local);
	assert_false(client.known);
	client_address_of_peer(&client, NULL);
	assert_false(client.known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_walk_ends_at_the_first_address_that_is_not_a_proxy),
		cmocka_unit_test(invalid_lists_are_refused),
		cmocka_unit_test(proxies_are_addresses_and_prefixes),
		cmocka_unit_test(the_zero_prefix_trusts_all_but_the_unix_socket),
		cmocka_unit_test(addresses_that_count_as_one_client),
		cmocka_unit_test(a_peer_is_read_from_its_socket),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
