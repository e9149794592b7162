// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "user/datapath/pin_path.h"

static const struct {
	const char *interface, *pin;
} pairs[] = {
	{"eth0", "eth0"},
	{"eth0.5", "eth0%2e5"},
	{".", "%2e"},
	{"a%b", "a%25b"},
	{"meta", "%6deta"},
	{"buckets", "%62uckets"},
	{"permits", "%70ermits"},
	{"classes", "%63lasses"},
	{"redirects", "%72edirects"},
	{"cidrs", "%63idrs"},
	{"cidrs_1", "%63idrs_1"},
	{"separate_0", "%73eparate_0"},
	{"separate_2", "separate_2"},
	{"class_buckets", "%63lass_buckets"},
	{"protected_ports", "%70rotected_ports"},
	{"metal", "metal"},
	{"...............", "%2e%2e%2e%2e%2e%2e%2e%2e%2e%2e%2e%2e%2e%2e%2e"},
};

static void names_are_escaped_and_read_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char pin[PIN_NAME_SIZE], interface[IF_NAMESIZE];

		pin_path_encode(pairs[i].interface, pin);
		assert_string_equal(pin, pairs[i].pin);
		assert_true(pin_path_decode(pin, interface));
		assert_string_equal(interface, pairs[i].interface);
	}
}

static void other_spellings_are_rejected(void **state)
{
	static const char *const foreign[] = {
		"",     "eth0.5", "eth0%2E5",         "%65th0", "meta", "a%",     "a%2",
		"a%2g", "a%00",   "0123456789abcdef", "x%a",    "x%+1", "x% 1ab", "%",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		char interface[IF_NAMESIZE];
		/* on the heap and of the exact size, so that ASan finds an overrun */
		char *pin = strdup(foreign[i]);

		if (pin_path_decode(pin, interface))
			fail_msg("'%s' was read as '%s'", pin, interface);
		free(pin);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_escaped_and_read_back),
		cmocka_unit_test(other_spellings_are_rejected),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
