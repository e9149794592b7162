// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/config/policy_file.c: the maximum of classes and networks, long paths and lines. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <nettle/sha2.h>

#include "user/config/config_file.h"
#include "user/policy/limit.h"
#include "tests/unit/config/policy_text.h"
#include "include/bucket.h"
#include "tests/units.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* `classes` classes, each with `cidrs` networks of its own. */
static char *write_classes(int classes, int cidrs)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "[limiter]\ndefault = c0\n");
	for (int i = 0; i < classes; i++) {
		fprintf(out, "[class c%d]\nlimit = %d/1s packets\n", i, i + 1);
		for (int j = 0; j < cidrs; j++) {
			/* unsorted; unique, as 40503 is odd */
			__u32 number = (__u32)(i * cidrs + j) * 40503u & 0xffffff;

			fprintf(out, "%s%u.%u.%u.0/24",
			        j % 100 ? ", " : "\nsources = ", number >> 16, number >> 8 & 255,
			        number & 255);
		}
		fprintf(out, "\n");
	}
	fclose(out);
	return text;
}

static void there_may_be_many_classes(void **state)
{
	char *text = write_classes(XRL_MAX_CLASSES, 1);
	struct policy policy = must_read(text);
	struct told told;

	(void)state;
	assert_int_equal(policy_count_classes(policy.compiled), XRL_MAX_CLASSES);
	assert_limit(&policy.compiled->classes[255].limits[0], "256/1s packets");
	policy_free(&policy);
	free(text);
	text = write_classes(XRL_MAX_CLASSES + 1, 1);
	write_file(text, strlen(text));
	check_file(&told);
	assert_int_equal(told.diagnostics, 1);
	assert_non_null(strstr(told.text, "! class 'c256': at most 256 classes\n"));
	free(text);
}

static void there_may_be_many_networks(void **state)
{
	char *text = write_classes(4, XRL_MAX_CIDRS / 4);
	clock_t begin = clock();
	struct policy policy = must_read(text);
	double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
	struct told told;

	(void)state;
	assert_int_equal(policy.cidr_count, XRL_MAX_CIDRS);
	for (size_t i = 1; i < policy.cidr_count; i++)
		assert_true(memcmp(&policy.cidrs[i - 1].cidr.address, &policy.cidrs[i].cidr.address,
		                   4) < 0);
	/* one by one, under ASan and on a busy machine; all pairs would take minutes */
	assert_true(seconds < 5);
	policy_free(&policy);
	text = realloc(text, strlen(text) + 100);
	strcat(text, "[class more]\nsources = 255.1.1.1, 255.1.1.2\nsources = 255.1.1.3\n");
	write_file(text, strlen(text));
	check_file(&told);
	assert_int_equal(told.diagnostics, 1);
	assert_non_null(strstr(told.text, "! more than 65536 addresses and networks\n"));
	free(text);
}

/* The part of the path that the policy keeps. */
static void a_long_path_is_kept_in_part(void **state)
{
	char directory[] = "/tmp/test_policy_file.XXXXXX", name[400];
	const char text[] = "[class a]\nlimit = 1/1s packets\n";
	struct policy policy;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(directory));
	for (size_t length = 100; length < 220; length += 1) {
		const char *kept;

		sprintf(name, "%s/%0*d", directory, (int)(length - strlen(directory) - 1), 7);
		assert_int_equal(strlen(name), length);
		file = fopen(name, "w");
		assert_non_null(file);
		fputs(text, file);
		fclose(file);
		assert_int_equal(policy_file_read(name, true, &policy, NULL), EXIT_DONE);
		unlink(name);
		kept = policy.compiled->file;
		if (length < XRL_POLICY_FILE_SIZE) {
			assert_string_equal(kept, name);
		} else {
			assert_int_equal(strlen(kept), XRL_POLICY_FILE_SIZE - 1);
			assert_memory_equal(kept, "...", 3);
			assert_string_equal(kept + 3, name + length - strlen(kept + 3));
		}
		policy_free(&policy);
	}
	rmdir(directory);
}

static void a_line_too_long_is_a_mistake(void **state)
{
	static char text[10000];
	struct told told;

	(void)state;
	strcpy(text, "[class a]\nlimit = 1/1s packets\nsources = 1.1.1.1");
	memset(text + strlen(text), ' ', 5000);
	strcat(text, "\nlimit = 2/1s bogus\n");
	write_file(text, strlen(text));
	check_file(&told);
	assert_string_equal(told.text, "3! the line is longer than 4095 characters\n"
	                               "4! limit '2/1s bogus': unknown unit 'bogus', did you mean "
	                               "'bytes'?\n");
	write_file("[class a]\nlimit = 1/1s packets\n\0\nx = y\n", 38);
	check_file(&told);
	assert_string_equal(told.text, "3! a NUL byte; expected text\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_may_be_many_classes),
		cmocka_unit_test(there_may_be_many_networks),
		cmocka_unit_test(a_long_path_is_kept_in_part),
		cmocka_unit_test(a_line_too_long_is_a_mistake),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_path, remove_path);
}
