// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "user/util/suggest.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const words[] = {
	"listen", "linger", "trusted_proxies", "key", "keys", "id", "x", "ab",
	"ba",     "user",   "serve",
};

static const struct {
	const char *word, *meant;
} cases[] = {
	{"listen", "listen"},
	{"linger", "linger"},
	{"LISTEN", "listen"},
	{"Listen", "listen"},
	{"lsiten", "listen"},
	{"listne", "listen"},
	{"isten", "listen"},
	{"liste", "listen"},
	{"litsen", "listen"},
	{"listens", "listen"},
	{"xlisten", "listen"},
	{"lixxten", "listen"},
	{"lixxen", "listen"},
	{"lxste", "listen"},
	{"tslien", NULL},
	{"lixxxn", NULL},
	/* equally far from both: the first */
	{"linten", "listen"},
	{"limger", "linger"},
	{"trusted-proxies", "trusted_proxies"},
	{"trustedproxies", "trusted_proxies"},
	{"truste_proxis", "trusted_proxies"},
	{"TRUSTED_PROXY", "trusted_proxies"},
	{"truxxxx_proxies", "trusted_proxies"},
	{"truxxxx_proxxxs", NULL},
	{"key", "key"},
	{"keys", "keys"},
	{"kye", "key"},
	{"ke", "key"},
	{"kex", "key"},
	{"kxx", NULL},
	{"keyz", "key"},
	{"is", "id"},
	{"di", "id"},
	{"xy", "x"},
	{"y", NULL},
	{"x", "x"},
	{"X", "x"},
	{"", NULL},
	{"bu", "ba"},
	{"usr", "user"},
	{"uesr", "user"},
	{"users", "user"},
	{"server", "serve"},
	{"erver", NULL},
	{"limiter", NULL},
	{"entirely different", NULL},
	{"listenlistenlistenlistenlistenli", NULL},
	{"listenlistenlistenlistenlistenlis", NULL},
	{"\xC3\xA9", NULL},
};

static void the_nearest_word_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		/* exactly as large as needed, so that ASan detects an overrun */
		char *word = strdup(cases[i].word);
		const char *found = suggest(word, words, COUNT(words));
		const char *meant = cases[i].meant;

		if (!found != !meant || (found && strcmp(found, meant)))
			fail_msg("'%s' was taken for '%s'", word, found ? found : "none");
		free(word);
	}
}

static void the_word_itself_is_given_back(void **state)
{
	static const char *const other[] = {"lists", "listen"};

	(void)state;
	assert_ptr_equal(suggest("listen", other, COUNT(other)), other[1]);
	assert_ptr_equal(suggest("lists", other, COUNT(other)), other[0]);
}

static void only_neighbors_are_swapped(void **state)
{
	static const char *const other[] = {"ab"};

	(void)state;
	assert_ptr_equal(suggest("ba", other, 1), other[0]);
	assert_null(suggest("ca", other, 1));
	assert_null(suggest("bc", other, 1));
}

static void the_longest_words_are_compared(void **state)
{
	static const char longest[] = "abcdefghijklmnopqrstuvwxyzabcdef";
	static const char *const other[] = {longest};
	static const char *const too_long[] = {"abcdefghijklmnopqrstuvwxyzabcdefg"};

	(void)state;
	assert_int_equal(strlen(longest), 32);
	assert_ptr_equal(suggest(longest, other, 1), longest);
	assert_ptr_equal(suggest("abcdefghijklmnopqrstuvwxyzabcde", other, 1), longest);
	assert_null(suggest("abcdefghijklmnopqrstuvwxyzabcdefg", other, 1));
	assert_null(suggest(longest, too_long, 1));
}

static void of_no_words_there_is_none(void **state)
{
	(void)state;
	assert_null(suggest("listen", words, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_word_is_found),
		cmocka_unit_test(the_word_itself_is_given_back),
		cmocka_unit_test(only_neighbors_are_swapped),
		cmocka_unit_test(the_longest_words_are_compared),
		cmocka_unit_test(of_no_words_there_is_none),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
