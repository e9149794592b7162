// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/config/settings.c and config_file.c: files with settings, valid and broken. */

#include "tests/unit/config/settings_text.h"

static void every_key_is_read(void **state)
{
	static const char file[] = "[permits]\n"
				   "requests = 7/2m\n"
				   "addresses = 20\n"
				   "lifetime = 12h\n"
				   "linger = 30s\n"
				   "entries = 1000\n"
				   "\n"
				   "[serve]\n"
				   "listen = 0.0.0.0:443, unix:/run/x.sock ,[::1]:80\n"
				   "trusted_proxies = 10.0.0.0/8, unix\n"
				   "certificate = /etc/ssl/a b.pem\n"
				   "key = /etc/ssl/key.pem\n"
				   "user = nobody\n"
				   "plaintext = yes\n";
	static struct settings settings;
	char text[512], message[1000];

	(void)state;
	if (read_text(&settings, file, strlen(file), message))
		fail_msg("%s", message);
	describe(&settings, text, sizeof(text));
	assert_string_equal(text, "20 7/120000000000 43200000000000+30000000000 1000 |"
	                          " <0.0.0.0:443> <unix:/run/x.sock> <[::1]:80> |"
	                          " <10.0.0.0/8> <unix> |"
	                          " </etc/ssl/a b.pem> </etc/ssl/key.pem> <nobody> 1");
}

/* A file, and the settings that it results in. */
static const struct {
	const char *text;
	const char *section, *key, *value; /* the same as one setting; NULL: as the default */
} good[] = {
	{"", NULL, NULL, NULL},
	{"\n\n", NULL, NULL, NULL},
	{"; nothing\n# nothing\n", NULL, NULL, NULL},
	{"[permits]\n[serve]\n", NULL, NULL, NULL},
	{"[permits]", NULL, NULL, NULL},
	{"[permits]\naddresses=7\n", "permits", "addresses", "7"},
	{"[permits]\naddresses=7", "permits", "addresses", "7"},
	{"[permits]\naddresses = 7\n", "permits", "addresses", "7"},
	{"[permits]\naddresses\t=\t7\t\n", "permits", "addresses", "7"},
	{"[permits]\naddresses: 7\n", "permits", "addresses", "7"},
	{"[permits]\r\naddresses = 7\r\n", "permits", "addresses", "7"},
	{"\xEF\xBB\xBF[permits]\naddresses = 7\n", "permits", "addresses", "7"},
	{"\xEF\xBB\xBF; a mark\n[permits]\naddresses = 7\n", "permits", "addresses", "7"},
	{"  [permits]\n\taddresses = 7\n", "permits", "addresses", "7"},
	{"[permits]\naddresses = 7 ; seven\n", "permits", "addresses", "7"},
	{"[permits]\naddresses = 7\t;seven\n", "permits", "addresses", "7"},
	{"[permits] ; section\naddresses = 7\n", "permits", "addresses", "7"},
	{"[permits];\naddresses = 7\n", "permits", "addresses", "7"},
	{"[permits]\n  ; indented\n  # too\naddresses = 7\n", "permits", "addresses", "7"},
	{"[serve]\n[permits]\naddresses = 7\n[serve]\n", "permits", "addresses", "7"},
	{"[permits]\n[permits]\naddresses = 7\n", "permits", "addresses", "7"},
	{"[permits]\naddresses = 7\n; addresses = 8\n# addresses = 9\n", "permits", "addresses",
         "7"},
	{"[serve]\nuser = a=b\n", "serve", "user", "a=b"},
	{"[serve]\nuser = a:b\n", "serve", "user", "a:b"},
	{"[serve]\nuser = a;b\n", "serve", "user", "a;b"},
	{"[serve]\nuser = a#b\n", "serve", "user", "a#b"},
	{"[serve]\nuser = [a]\n", "serve", "user", "[a]"},
	{"[serve]\nuser = \"a\"\n", "serve", "user", "\"a\""},
	{"[serve]\nuser = \xC3\xA9\n", "serve", "user", "\xC3\xA9"},
	{"[serve]\nlisten = :80\n", "serve", "listen", ":80"},
	{"[serve]\nlisten =\ta , b\t,\tc\n", "serve", "listen", "a,b,c"},
	{"[serve]\nplaintext = no\n", NULL, NULL, NULL},
	/* a mistake in the policy does not matter here */
	{"[limiter]\nsources = x\nx = y\n?\n[permits]\naddresses = 7\n", "permits", "addresses",
         "7"},
	{"[class]\n[class a b]\n[class a]\n[class a]\nlimit = x\n[icmp-errors]\nlimit\n", NULL,
         NULL, NULL},
	{"[class a]\naddresses = 7\n[permits]\naddresses = 7\nclass = ?\nclass = nobody\n",
         "permits", "addresses", "7"},
};

/* A file, and the error after the path. */
static const struct {
	const char *text, *message;
} bad[] = {
	/* sections */
	{"[standard]\nlimit = 100/1m connections sliding\n",
         ":1: unknown section 'standard'; expected limiter, class NAME, icmp-errors, flood, "
         "permits or serve"},
	{"[permits]\n\n[clas standard]\n",
         ":3: unknown section 'clas standard', did you mean 'class standard'?"},
	{"[Class]\n", ":1: unknown section 'Class', did you mean 'class NAME'?"},
	{"[classes standard]\n", ":1: unknown section 'classes standard', did you mean"},
	{"[icmp_errors]\n", ":1: unknown section 'icmp_errors', did you mean 'icmp-errors'?"},
	{"\n[permit]\n", ":2: unknown section 'permit', did you mean 'permits'?"},
	{"[PERMITS]\n", ":1: unknown section 'PERMITS', did you mean 'permits'?"},
	{"[ permits ]\n", ":1: unknown section ' permits ', did you mean 'permits'?"},
	{"[server]\n", ":1: unknown section 'server', did you mean 'serve'?"},
	{"[serve\x01]\n", ":1: unknown section 'serve?', did you mean 'serve'?"},
	{"[]\n", ":1: unknown section ''; expected limiter"},
	{"[", ":1: expected [SECTION]"},
	{"[permits\naddresses = 7\n", ":1: expected [SECTION]"},
	{"[permits] addresses = 7\n", ":1: expected [SECTION]"},
	{"[permits]]\n", ":1: expected [SECTION]"},
	{"[permits] # section\n", ":1: expected [SECTION]"},
	{"addresses = 7\n", ":1: 'addresses' is before the first [SECTION]"},
	{"\n= 7\n[permits]\n", ":2: '' is before the first [SECTION]"},
	/* keys */
	{"[permits]\ndefault = a\n",
         ":2: 'default' belongs in section [limiter], not in [permits]"},
	{"[serve]\nlimit = 1/1s packets\n",
         ":2: 'limit' belongs in section [class NAME] or [icmp-errors], not in [serve]"},
	{"[permits]\nadresses = 7\n", ":2: unknown key 'adresses', did you mean 'addresses'?"},
	{"[permits]\nAddresses = 7\n", ":2: unknown key 'Addresses', did you mean 'addresses'?"},
	{"[serve]\ntrusted-proxies = unix\n",
         ":2: unknown key 'trusted-proxies', did you mean 'trusted_proxies'?"},
	{"[permits]\nsomething = 7\n", ":2: unknown key 'something'; expected requests, addresses,"
                                       " lifetime, linger, entries or class"},
	{"[serve]\n\n\nx = 7\n", ":4: unknown key 'x'; expected listen, trusted_proxies,"
                                 " certificate, key, user or plaintext"},
	{"[permits]\nlisten = :80\n", ":2: 'listen' belongs in section [serve], not in [permits]"},
	{"[serve]\nlinger = 7s\n", ":2: 'linger' belongs in section [permits], not in [serve]"},
	{"[permits]\n= 7\n", ":2: unknown key ''"},
	{"[permits]\nadd\x1b[31m = 7\n", ":2: unknown key 'add?[31m'"},
	{"[permits]\naddresses = 7\naddresses = 8\n",
         ":3: 'addresses' is given twice, first on line 2"},
	{"[permits]\naddresses = 7\n[serve]\n[permits]\naddresses = 7\n",
         ":5: 'addresses' is given twice, first on line 2"},
	{"[serve]\nlisten = :80\n\nlisten = :81\n", ":4: 'listen' is given twice, first on line 2"},
	{"[serve]\nlisten\n", ":2: expected KEY = VALUE, [SECTION] or a comment"},
	{"[serve]\nlisten", ":2: expected KEY = VALUE, [SECTION] or a comment"},
	{"[serve]\nlisten ; = :80\n", ":2: expected KEY = VALUE, [SECTION] or a comment"},
	{"[serve]\nwhat\never\nuser = \n", ":2: expected KEY = VALUE, [SECTION] or a comment"},
	{"[serve]\nuser = a\nwhat\nuser = \n", ":3: expected KEY = VALUE, [SECTION] or a comment"},
	{"[serve]\nuser =\nwhat\n", ":2: user '': expected a user name"},
	{"\xEF\xBB\xBF\xEF\xBB\xBF[permits]\n", ":1: expected KEY = VALUE"},
	{"[permits]\n\xEF\xBB\xBF"
         "addresses = 7\n",
         ":2: unknown key '???addresses'"},
	/* a continuation line: inih would take it as a second value */
	{"[serve]\nlisten = :80,\n  :81\n", ":2: listen ':80,': expected ADDRESS:PORT"},
	{"[serve]\nlisten = :80\n  :81\n", ":3: unknown key ''"},
	{"[serve]\nuser = a\n  b\n", ":3: expected KEY = VALUE, [SECTION] or a comment"},
	{"[serve]\nuser = a\n\tuser = b\n", ":3: 'user' is given twice, first on line 2"},
	/* values: every number from least to most is tried below */
	{"[permits]\naddresses =\n", ":2: addresses '': expected a whole number from 1 to 1000"},
	{"[permits]\naddresses = ; none\n", ":2: addresses '': expected a whole number"},
	{"[permits]\naddresses = 7 # seven\n", ":2: addresses '7 # seven': expected a whole"},
	{"[permits]\naddresses = -1\n", ":2: addresses '-1': expected a whole number"},
	{"[permits]\naddresses = 7x\n", ":2: addresses '7x': expected a whole number"},
	{"[permits]\naddresses = 4294967297\n", ":2: addresses '4294967297': expected a whole"},
	{"[permits]\naddresses = 18446744073709551617\n", ":2: addresses '18446744073709551617':"},
	{"[permits]\nentries = 16777217\n",
         ":2: entries '16777217': expected a whole number from 1 to 16777216"},
	{"[permits]\nlifetime = 24\n",
         ":2: lifetime '24': expected a whole number and one of ms, s, m, h, d, from 100ms to 31d"},
	{"[permits]\nlifetime = 24h 1m\n", ":2: lifetime '24h 1m': expected a whole number and"},
	{"[permits]\nlinger = 0\n",
         ":2: linger '0': expected a whole number and one of ms, s, m, h, d, from 0s to 31d"},
	{"[permits]\nrequests = 5\n", ":2: requests '5': expected N/PERIOD, such as '5/1h', "
                                      "N from 1 to 1000000, PERIOD from 1s to 31d"},
	{"[serve]\nplaintext = true\n", ":2: plaintext 'true': expected yes or no"},
	{"[serve]\nuser = a\x01"
         "b\n",
         ":2: user 'a?b': expected a user name without control"},
	{"[serve]\nuser = a\rb\n", ":2: user 'a?b': expected a user name without control"},
	{"[serve]\nkey = a\tb\n", ":2: key 'a?b': expected a file name without control"},
	{"[serve]\nlisten = a,b\x7f\n", ":2: listen 'a,b?': expected ADDRESS:PORT or unix:PATH w"},
};

static void good_files_are_read(void **state)
{
	static struct settings settings, expected;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		char message[1000];

		settings_set_default(&expected);
		if (good[i].section)
			assert_int_equal(settings_set(&expected, good[i].section, good[i].key,
			                              good[i].value, message, sizeof(message)),
			                 0);
		if (read_text(&settings, good[i].text, strlen(good[i].text), message))
			fail_msg("'%s'%s", good[i].text, message);
		assert_same(&settings, &expected);
	}
}

static void bad_files_are_refused(void **state)
{
	static struct settings settings;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char message[1000];

		if (read_text(&settings, bad[i].text, strlen(bad[i].text), message) != EXIT_FAILED)
			fail_msg("'%s' was taken", bad[i].text);
		if (strncmp(message, bad[i].message, strlen(bad[i].message)))
			fail_msg("'%s', expected '%s': %s", bad[i].text, bad[i].message, message);
	}
}

static void a_nul_byte_ends_the_reading(void **state)
{
	static const char file[] = "[permits]\naddresses = 7\0\nlinger = x\n";
	static struct settings settings;
	char message[1000];

	(void)state;
	assert_int_equal(read_text(&settings, file, sizeof(file) - 1, message), EXIT_FAILED);
	assert_string_equal(message, ":2: a NUL byte; expected text");
	assert_int_equal(read_text(&settings, "\0", 1, message), EXIT_FAILED);
	assert_string_equal(message, ":1: a NUL byte; expected text");
}

/* "user = xxx", with `blanks` before the text, to `length` characters without the newline. */
static size_t write_line(char *text, const char *begin, size_t blanks, size_t length)
{
	size_t at = sprintf(text, "[serve]\n");

	memset(text + at, ' ', blanks);
	strcpy(text + at + blanks, begin);
	memset(text + at + blanks + strlen(begin), 'x', length - blanks - strlen(begin));
	return at + length;
}

static void long_lines_are_read_up_to_a_limit(void **state)
{
	static struct settings settings;
	static char text[10000];
	char message[1000];
	size_t length;

	(void)state;
	/* longer than inih accepts by default */
	length = write_line(text, "user = ", 0, 7 + 255);
	assert_int_equal(read_text(&settings, text, length, message), EXIT_DONE);
	assert_int_equal(strlen(settings.serve.user), 255);
	length = write_line(text, "user = ", 0, 7 + 256);
	assert_int_equal(read_text(&settings, text, length, message), EXIT_FAILED);
	assert_non_null(strstr(message, "expected a user name of at most 255 characters"));
	/* blanks and comments count, too */
	length = write_line(text, "user = y ;", 0, 4095);
	assert_int_equal(read_text(&settings, text, length, message), EXIT_DONE);
	assert_string_equal(settings.serve.user, "y");
	length = write_line(text, "user = y ;", 0, 4096);
	assert_int_equal(read_text(&settings, text, length, message), EXIT_FAILED);
	assert_string_equal(message, ":2: the line is longer than 4095 characters");
	length = write_line(text, "user = y", 4000, 4095);
	assert_int_equal(read_text(&settings, text, length, message), EXIT_DONE);
	length = write_line(text, "; ", 0, 9000);
	text[length++] = '\n';
	text[length++] = '?';
	assert_int_equal(read_text(&settings, text, length, message), EXIT_FAILED);
	assert_string_equal(message, ":2: the line is longer than 4095 characters");
}

static void a_file_that_is_not_there(void **state)
{
	static struct settings settings, expected;
	struct failure failure = {.code = EXIT_DONE};

	(void)state;
	settings_set_default(&expected);
	result_capture(&failure);
	assert_int_equal(config_file_read_settings(&settings, "/nonexistent/x.conf", false),
	                 EXIT_DONE);
	assert_same(&settings, &expected);
	assert_int_equal(failure.code, EXIT_DONE);
	assert_int_equal(config_file_read_settings(&settings, "/nonexistent/x.conf", true),
	                 EXIT_FAILED);
	result_capture(NULL);
	assert_string_equal(failure.message,
	                    "cannot read /nonexistent/x.conf: No such file or directory");
}

static void what_is_no_file_is_refused(void **state)
{
	static struct settings settings, expected;
	struct failure failure;

	(void)state;
	settings_set_default(&expected);
	for (int must_exist = 0; must_exist < 2; must_exist++) {
		result_capture(&failure);
		assert_int_equal(config_file_read_settings(&settings, "/tmp", must_exist),
		                 EXIT_FAILED);
		assert_string_equal(failure.message, "cannot read /tmp: Is a directory");
		assert_same(&settings, &expected);
		result_capture(&failure);
		assert_int_equal(config_file_read_settings(&settings, "/dev/null/x", must_exist),
		                 EXIT_FAILED);
		assert_string_equal(failure.message, "cannot read /dev/null/x: Not a directory");
	}
	result_capture(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(good_files_are_read),
		cmocka_unit_test(bad_files_are_refused),
		cmocka_unit_test(a_nul_byte_ends_the_reading),
		cmocka_unit_test(long_lines_are_read_up_to_a_limit),
		cmocka_unit_test(a_file_that_is_not_there),
		cmocka_unit_test(what_is_no_file_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_path, remove_path);
}
