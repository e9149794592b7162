// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/config/settings.c: each setting with its range and its error. */

#include "tests/unit/config/settings_text.h"

static void the_default_is_documented(void **state)
{
	static struct settings settings;
	char text[256];

	(void)state;
	memset(&settings, 0xa5, sizeof(settings));
	settings_set_default(&settings);
	describe(&settings, text, sizeof(text));
	assert_string_equal(
		text,
		"10 5/3600000000000 86400000000000+900000000000 65536 |"
		" <127.0.0.1:9420> <unix:/run/xdp-ratelimit/api.sock> | | <> <> <xdp-ratelimit> 0");
}

static void lists_are_read_up_to_a_limit(void **state)
{
	static struct settings settings, before;
	char text[1000] = "", parse_error[400];

	(void)state;
	settings_set_default(&settings);
	for (int i = 0; i < SETTINGS_MAX_LIST; i++)
		sprintf(text + strlen(text), "%s10.0.%d.0/24", i ? ", " : "", i);
	assert_int_equal(
		settings_set(&settings, "serve", "trusted_proxies", text, parse_error, 400), 0);
	assert_int_equal(settings.serve.trusted_proxy_count, SETTINGS_MAX_LIST);
	assert_string_equal(settings.serve.trusted_proxies[63], "10.0.63.0/24");
	before = settings;
	strcat(text, ",x");
	assert_int_equal(
		settings_set(&settings, "serve", "trusted_proxies", text, parse_error, 400),
		-EINVAL);
	assert_string_equal(parse_error, "trusted_proxies '10.0.0.0/24, 10.0.1.0/24, 10.0.2.0/24, "
	                                 "10.0.3.0/24, 10.0.4.0...': more than 64 entries");
	assert_same(&settings, &before);
	/* a new list replaces the old one */
	assert_int_equal(settings_set(&settings, "serve", "trusted_proxies", "a", parse_error, 400),
	                 0);
	assert_int_equal(settings.serve.trusted_proxy_count, 1);
	assert_string_equal(settings.serve.trusted_proxies[0], "a");
}

/* A setting as given by an option. NULL: valid. */
static const struct {
	const char *section, *key, *value, *parse_error;
} wrong[] = {
	{"permits", "requests", "1/1s", NULL},
	{"permits", "requests", "1000000/31d", NULL},
	{"permits", "requests", "5/1000ms", NULL},
	{"permits", "requests", "0/1h", "requests '0/1h': expected N/PERIOD"},
	{"permits", "requests", "1000001/1h", "requests '1000001/1h': expected N/PERIOD"},
	{"permits", "requests", "5/999ms", "requests '5/999ms': expected N/PERIOD"},
	{"permits", "requests", "5/0s", "requests '5/0s': expected N/PERIOD"},
	{"permits", "requests", "5/32d", "requests '5/32d': expected N/PERIOD"},
	{"permits", "requests", "5/745h", "requests '5/745h': expected N/PERIOD"},
	{"permits", "requests", "4294967297/1h", "requests '4294967297/1h': expected N/PERIOD"},
	{"permits", "requests", "5/1h ", "requests '5/1h ': expected N/PERIOD"},
	{"permits", "requests", "5 /1h", "requests '5 /1h': expected N/PERIOD"},
	{"permits", "requests", "5/1h packets", "requests '5/1h packets': expected N/PERIOD"},
	{"permits", "requests", "5/", "requests '5/': expected N/PERIOD"},
	{"permits", "requests", "5:1h", "requests '5:1h': expected N/PERIOD"},
	{"permits", "requests", "/1h", "requests '/1h': expected N/PERIOD"},
	{"permits", "requests", "", "requests '': expected N/PERIOD"},
	{"permits", "addresses", "1", NULL},
	{"permits", "addresses", "1000", NULL},
	{"permits", "addresses", "0", "addresses '0': expected a whole number from 1 to 1000"},
	{"permits", "addresses", "1001", "addresses '1001': expected"},
	{"permits", "entries", "1", NULL},
	{"permits", "entries", "16777216", NULL},
	{"permits", "entries", "0", "entries '0': expected"},
	{"permits", "entries", "16777217", "entries '16777217': expected"},
	{"permits", "lifetime", "100ms", NULL},
	{"permits", "lifetime", "31d", NULL},
	{"permits", "lifetime", "99ms", "lifetime '99ms': expected"},
	{"permits", "lifetime", "0s", "lifetime '0s': expected"},
	{"permits", "lifetime", "2678401s", "lifetime '2678401s': expected"},
	{"permits", "lifetime", "213504d", "lifetime '213504d': expected"},
	{"permits", "linger", "0s", NULL},
	{"permits", "linger", "31d", NULL},
	{"permits", "linger", "1ms", NULL},
	{"permits", "linger", "32d", "linger '32d': expected"},
	{"permits", "linger", "-1s", "linger '-1s': expected"},
	{"serve", "plaintext", "yes", NULL},
	{"serve", "plaintext", "no", NULL},
	{"serve", "plaintext", "Yes", "plaintext 'Yes': expected yes or no"},
	{"serve", "plaintext", "1", "plaintext '1': expected yes or no"},
	{"serve", "plaintext", "", "plaintext '': expected yes or no"},
	{"serve", "plaintext", "no ", "plaintext 'no ': expected yes or no"},
	{"serve", "listen", "a", NULL},
	{"serve", "listen", "", "listen '': expected ADDRESS:PORT or unix:PATH"},
	{"serve", "listen", " ", "listen ' ': expected ADDRESS:PORT or unix:PATH"},
	{"serve", "listen", ",", "listen ',': expected ADDRESS:PORT or unix:PATH"},
	{"serve", "listen", "a,", "listen 'a,': expected ADDRESS:PORT or unix:PATH"},
	{"serve", "listen", "a, ", "listen 'a, ': expected ADDRESS:PORT or unix:PATH"},
	{"serve", "listen", ",a", "listen ',a': expected ADDRESS:PORT or unix:PATH"},
	{"serve", "listen", "a,,b", "listen 'a,,b': expected ADDRESS:PORT or unix:PATH"},
	{"serve", "trusted_proxies", "", "trusted_proxies '': expected a CIDR or unix"},
	{"serve", "certificate", "/x", NULL},
	{"serve", "certificate", "", "certificate '': expected a file name"},
	{"serve", "key", "", "key '': expected a file name"},
	{"serve", "user", "", "user '': expected a user name"},
	{"serve", "user", "a\nb", "user 'a?b': expected a user name without control characters"},
	{"serve", "usr", "a", "unknown key 'usr', did you mean 'user'?"},
	{"serve", "", "a", "unknown key ''; expected listen"},
	{"permits", "user", "a", "'user' belongs in section [serve], not in [permits]"},
	{"serv", "user", "a", "unknown section 'serv', did you mean 'serve'?"},
	{"", "user", "a", "unknown section ''; expected limiter"},
};

static void settings_are_checked(void **state)
{
	static struct settings settings, before;

	(void)state;
	settings_set_default(&before);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		const char *expected = wrong[i].parse_error;
		char parse_error[400] = "";
		int error;

		settings = before;
		error = settings_set(&settings, wrong[i].section, wrong[i].key, wrong[i].value,
		                     parse_error, sizeof(parse_error));
		if (error != (expected ? -EINVAL : 0))
			fail_msg("%s = %s: %d %s", wrong[i].key, wrong[i].value, error,
			         parse_error);
		if (!expected)
			continue;
		assert_same(&settings, &before);
		if (strncmp(parse_error, expected, strlen(expected)))
			fail_msg("expected '%s': %s", expected, parse_error);
	}
}

static void every_number_is_kept(void **state)
{
	static struct settings settings;

	(void)state;
	settings_set_default(&settings);
	for (__u32 number = 0; number <= ADDRESS_LIST_MAX + 10; number++) {
		char value[16], parse_error[400];
		int error;

		sprintf(value, "%u", number);
		error = settings_set(&settings, "permits", "addresses", value, parse_error, 400);
		assert_int_equal(!error, number && number <= ADDRESS_LIST_MAX);
		assert_true(error || settings.permits.max_addresses == number);
	}
}

static void a_small_message_buffer_is_respected(void **state)
{
	static const char *const keys[] = {"addresses", "adresses", "x"};
	static struct settings settings;

	(void)state;
	settings_set_default(&settings);
	for (size_t i = 0; i < COUNT(keys); i++) {
		char parse_error[8] = "1234567";

		assert_int_equal(settings_set(&settings, "permits", keys[i], "x", parse_error, 4),
		                 -EINVAL);
		assert_int_equal(strlen(parse_error), 3);
		assert_string_equal(parse_error + 4, "567");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_is_documented),
		cmocka_unit_test(lists_are_read_up_to_a_limit),
		cmocka_unit_test(settings_are_checked),
		cmocka_unit_test(every_number_is_kept),
		cmocka_unit_test(a_small_message_buffer_is_respected),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_path, remove_path);
}
