// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/config/policy_file.c and policy_sections: a file becomes the policy that it describes. */

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

static void each_reads_its_own_sections(void **state)
{
	static struct settings config;
	struct failure failure;
	struct policy policy;

	(void)state;
	policy = must_read("[permits]\naddresses = x\nx = y\n?\n[serve]\n?\n[class a]\n"
	                   "limit = 1/1s packets\n[permits]\naddresses = z\n");
	assert_string_equal(policy.compiled->classes[0].name, "a");
	policy_free(&policy);
	result_capture(&failure);
	write_file("[permits]\naddresses = 7\nclass = ?\n[class a]\nlimit = x\n?\n", 54);
	assert_int_equal(config_file_read_settings(&config, path, true), EXIT_DONE);
	result_capture(NULL);
	assert_int_equal(config.permits.max_addresses, 7);
}

static const char whole[] = "[permits]\n"
			    "class = permitted\n"
			    "[class enterprise]\n"
			    "sources = 203.0.113.0/24, 198.51.100.7\n"
			    "sources = 0.0.0.0/0, 203.0.113.0/25\n"
			    "limit = 2500/1d http-requests scope class\n"
			    "limit = 10/1h connections endpoint tcp/8443\n"
			    "action = monitor\n"
			    "[limiter]\n"
			    "sources = 1048576\n"
			    "default = standard\n"
			    "protect = tcp/80, udp/53, tcp/8000-8010\n"
			    "[class standard]\n"
			    "limit = 101/1m connections sliding\n"
			    "limit = 10/1s connections token burst 20\n"
			    "action = redirect lo\n"
			    "penalty = 30s\n"
			    "warn = 80%\n"
			    "[icmp-errors]\n"
			    "limit = 7/2s\n"
			    "[flood]\n"
			    "gate = monitor\n"
			    "newcomers = 1000/3s packets\n"
			    "prefix = 20/500ms\n"
			    "[class permitted]\n"
			    "limit = 500/1s packets\n";

static void assert_cidr(const struct policy_cidr *cidr, const char *expected, __u32 class_number)
{
	const __u8 *octets = cidr->cidr.address.octets;
	char text[32];

	sprintf(text, "%u.%u.%u.%u/%u", octets[0], octets[1], octets[2], octets[3],
	        cidr->cidr.prefix_bits);
	assert_string_equal(text, expected);
	assert_int_equal(cidr->class_number, class_number);
}

static void assert_sha256_of(const char *text, const struct xrl_policy *compiled)
{
	__u8 sha256[32];
	struct sha256_ctx hash;

	sha256_init(&hash);
	sha256_update(&hash, strlen(text), (const uint8_t *)text);
	sha256_digest(&hash, sizeof(sha256), sha256);
	assert_memory_equal(compiled->sha256, sha256, sizeof(sha256));
}

static void the_whole_policy_is_read(void **state)
{
	struct policy policy = must_read(whole);
	const struct xrl_policy *compiled = policy.compiled;
	const struct xrl_class *classes = compiled->classes;

	(void)state;
	assert_int_equal(policy_count_classes(compiled), 3);
	assert_string_equal(classes[0].name, "enterprise");
	assert_string_equal(classes[1].name, "standard");
	assert_string_equal(classes[2].name, "permitted");
	assert_int_equal(compiled->default_class, 1);
	assert_int_equal(compiled->permitted_class, 2);
	assert_int_equal(policy.sources, 1048576);
	assert_int_equal(compiled->wants, XRL_WANTS_PORTS | XRL_WANTS_HTTP | XRL_PROTECTS |
	                                          XRL_PROTECTS_TCP | XRL_PROTECTS_UDP |
	                                          XRL_WANTS_CONNECTIONS);
	assert_string_equal(compiled->file, path);
	assert_sha256_of(whole, compiled);
	policy_free(&policy);
}

static void what_all_classes_have_is_read(void **state)
{
	struct policy policy = must_read(whole);
	const struct xrl_class *classes = policy.compiled->classes;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_limit(&classes[i].limits[XRL_ICMP_ERRORS], "7/2s packets");
		assert_true(classes[i].jiffy_ns > 0);
	}
	assert_true(classes[2].settled_max_jiffies > 0);
	policy_free(&policy);
}

static void a_class_of_separate_limits_is_read(void **state)
{
	struct policy policy = must_read(whole);
	const struct xrl_class *enterprise = &policy.compiled->classes[0];

	(void)state;
	assert_int_equal(enterprise->limit_count, 0);
	assert_int_equal(enterprise->separate_count, 2);
	assert_limit(&enterprise->separate[0], "2500/1d http-requests scope class");
	assert_limit(&enterprise->separate[1], "10/1h connections endpoint tcp/8443");
	assert_int_equal(enterprise->action, XRL_MONITOR);
	assert_int_equal(enterprise->warns, 0);
	assert_int_equal(enterprise->separate[0].warn_units, 0);
	assert_int_equal(enterprise->penalty.period_ns, 0);
	assert_int_equal(policy.redirects[0], 0);
	policy_free(&policy);
}

static void a_class_that_warns_and_punishes_is_read(void **state)
{
	struct policy policy = must_read(whole);
	const struct xrl_class *standard = &policy.compiled->classes[1];

	(void)state;
	assert_int_equal(standard->limit_count, 2);
	assert_limit(&standard->limits[0], "101/1m connections sliding");
	assert_limit(&standard->limits[1], "10/1s connections token burst 20");
	assert_int_equal(standard->limits[0].warn_units, 81);
	assert_int_equal(standard->limits[1].warn_units, 16);
	assert_int_equal(standard->limits[XRL_ICMP_ERRORS].warn_units, 0);
	assert_int_equal(standard->warns, 1);
	assert_int_equal(standard->warn_percent, 80);
	assert_int_equal(standard->action, XRL_REDIRECT);
	assert_int_equal(policy.redirects[1], 1);
	assert_int_equal(standard->penalty.period_ns, 30 * SECOND_NS);
	assert_int_equal(standard->penalty.used_bits, XRL_CLASSIFICATION_BITS);
	assert_true(standard->penalty.period_ticks > 0);
	assert_int_equal(standard->settled_max_jiffies, 0);
	policy_free(&policy);
}

static void flood_and_cidrs_are_read(void **state)
{
	struct policy policy = must_read(whole);
	const struct xrl_policy *compiled = policy.compiled;

	(void)state;
	assert_int_equal(compiled->flood.mode, XRL_FLOOD_MONITOR);
	assert_int_equal(compiled->flood.newcomers_packets, 1000);
	assert_int_equal(compiled->flood.newcomers_period_ns, 3 * SECOND_NS);
	assert_int_equal(compiled->flood.prefix_packets, 20);
	assert_int_equal(compiled->flood.prefix_period_ns, SECOND_NS / 2);

	assert_int_equal(policy.cidr_count, 4);
	assert_int_equal(compiled->cidr_count, 4);
	assert_cidr(&policy.cidrs[0], "0.0.0.0/0", 0);
	assert_cidr(&policy.cidrs[1], "198.51.100.7/32", 0);
	assert_cidr(&policy.cidrs[2], "203.0.113.0/24", 0);
	assert_cidr(&policy.cidrs[3], "203.0.113.0/25", 0);
	policy_free(&policy);
}

static void assert_flood(const char *text, __u32 mode, __u64 newcomers, __u64 newcomers_ns,
                         __u64 prefix, __u64 prefix_ns)
{
	struct policy policy = must_read(text);
	const struct xrl_flood *flood = &policy.compiled->flood;

	assert_int_equal(flood->mode, mode);
	assert_int_equal(flood->newcomers_packets, newcomers);
	assert_int_equal(flood->newcomers_period_ns, newcomers_ns);
	assert_int_equal(flood->prefix_packets, prefix);
	assert_int_equal(flood->prefix_period_ns, prefix_ns);
	policy_free(&policy);
}

/* Settings that are left out have their defaults, whatever the order of the sections. */
static void the_gate_is_on_unless_it_is_said(void **state)
{
	(void)state;
	assert_flood("", XRL_FLOOD_ON, 50000, SECOND_NS, 2000, SECOND_NS);
	assert_flood("[class a]\nlimit = 1/1s packets\n", XRL_FLOOD_ON, 50000, SECOND_NS, 2000,
	             SECOND_NS);
	assert_flood("[flood]\n[class a]\nlimit = 1/1s packets\n", XRL_FLOOD_ON, 50000, SECOND_NS,
	             2000, SECOND_NS);
	assert_flood("[flood]\ngate = off\n[class a]\nlimit = 1/1s packets\n", XRL_FLOOD_OFF, 50000,
	             SECOND_NS, 2000, SECOND_NS);
	assert_flood("[class a]\nlimit = 1/1s packets\n[flood]\ngate = on\nprefix = 7/1h\n",
	             XRL_FLOOD_ON, 50000, SECOND_NS, 7, 3600 * SECOND_NS);
	assert_flood("[class a]\nlimit = 1/1s packets\n[flood]\nnewcomers = 1000000000/100ms\n",
	             XRL_FLOOD_ON, 1000000000, SECOND_NS / 10, 2000, SECOND_NS);
}

static bool is_protected(const __u8 *bits, __u32 port)
{
	return bits[port / 8] >> port % 8 & 1;
}

static void protected_ports_are_exact(void **state)
{
	struct policy policy = must_read("[limiter]\nprotect = tcp/1, tcp/80-89, udp/65535\n"
	                                 "[class a]\nlimit = 1/1s packets\n");

	(void)state;
	for (__u32 port = 0; port < 65536; port++) {
		assert_int_equal(is_protected(policy.protected_ports.tcp, port),
		                 port == 1 || (port >= 80 && port <= 89));
		assert_int_equal(is_protected(policy.protected_ports.udp, port), port == 65535);
	}
	policy_free(&policy);
	policy = must_read("[limiter]\nprotect = udp/5\n[class a]\nlimit = 1/1s packets\n");
	assert_int_equal(policy.compiled->wants, XRL_WANTS_PORTS | XRL_PROTECTS | XRL_PROTECTS_UDP);
	policy_free(&policy);
}

static void only_what_is_asked_for_is_wanted(void **state)
{
	static const struct {
		const char *limit;
		__u32 wants;
	} cases[] = {
		{"1/1s packets", 0},
		{"1/1s bytes", 0},
		{"1/1s connections", XRL_WANTS_CONNECTIONS},
		{"1/1s connections scope /24", XRL_WANTS_CONNECTIONS},
		{"1/1s http-requests", XRL_WANTS_HTTP},
		{"1/1s http-requests scope class", XRL_WANTS_HTTP},
		{"1/1s bytes endpoint udp/9", XRL_WANTS_PORTS},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct policy policy;
		char text[128];

		sprintf(text, "[class a]\nlimit = %s\n", cases[i].limit);
		policy = must_read(text);
		assert_int_equal(policy.compiled->wants, cases[i].wants);
		assert_int_equal(policy.compiled->permitted_class, XRL_MAX_CLASSES);
		policy_free(&policy);
	}
}

static void without_a_policy_it_is_the_default(void **state)
{
	static const char *const texts[] = {"", "[permits]\naddresses = 3\n", "; [class a]\n"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts) + 1; i++) {
		bool is_given = true, is_there = i < COUNT(texts);
		const struct xrl_class *class;
		struct policy policy;

		if (is_there)
			write_file(texts[i], strlen(texts[i]));
		assert_int_equal(policy_file_read(is_there ? path : "/nonexistent/x", false,
		                                  &policy, &is_given),
		                 EXIT_DONE);
		assert_false(is_given);
		class = &policy.compiled->classes[0];
		assert_int_equal(policy_count_classes(policy.compiled), 1);
		assert_string_equal(class->name, "default");
		assert_string_equal(policy.compiled->file, "");
		assert_int_equal(class->limit_count, 1);
		assert_limit(&class->limits[0], "10000/1s packets");
		assert_limit(&class->limits[XRL_ICMP_ERRORS], "100/1s packets");
		assert_true(class->settled_max_jiffies > 0);
		assert_int_equal(policy.compiled->default_class, 0);
		assert_int_equal(policy.compiled->permitted_class, XRL_MAX_CLASSES);
		assert_int_equal(policy.cidr_count, 0);
		policy_free(&policy);
		policy_free(&policy);
	}
}

static void what_cannot_be_read_is_said(void **state)
{
	struct failure failure = {};
	struct policy policy;
	struct told told = {};

	(void)state;
	result_capture(&failure);
	assert_int_equal(policy_file_read("/nonexistent/x", true, &policy, NULL), EXIT_FAILED);
	policy_free(&policy);
	assert_string_equal(failure.message,
	                    "cannot read /nonexistent/x: No such file or directory");
	result_capture(&failure);
	assert_int_equal(policy_file_read("/tmp", false, &policy, NULL), EXIT_FAILED);
	policy_free(&policy);
	assert_string_equal(failure.message, "cannot read /tmp: Is a directory");
	result_capture(NULL);
	assert_int_equal(policy_file_check("/nonexistent/x", tell, &told, NULL), -ENOENT);
	assert_int_equal(policy_file_check("/tmp", tell, &told, NULL), -EISDIR);
	assert_int_equal(told.diagnostics, 0);
}

static void the_number_of_sources_has_a_range(void **state)
{
	static const struct {
		const char *number;
		bool taken;
	} cases[] = {
		{"67108864", true}, {"67108865", false}, {"4294967297", false}, {"0", false},
		{"255", false},     {"", false},         {"1048576x", false},   {"-1", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct told told;
		char text[128], expected[128];

		sprintf(text, "[limiter]\nsources = %s\n[class a]\nlimit = 1/1s packets\n",
		        cases[i].number);
		sprintf(expected, "2! sources '%s': expected a number from ", cases[i].number);
		write_file(text, strlen(text));
		check_file(&told);
		assert_int_equal(!told.diagnostics, cases[i].taken);
		if (!cases[i].taken)
			assert_memory_equal(told.text, expected, strlen(expected));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reads_its_own_sections),
		cmocka_unit_test(the_whole_policy_is_read),
		cmocka_unit_test(what_all_classes_have_is_read),
		cmocka_unit_test(a_class_of_separate_limits_is_read),
		cmocka_unit_test(a_class_that_warns_and_punishes_is_read),
		cmocka_unit_test(flood_and_cidrs_are_read),
		cmocka_unit_test(the_gate_is_on_unless_it_is_said),
		cmocka_unit_test(protected_ports_are_exact),
		cmocka_unit_test(only_what_is_asked_for_is_wanted),
		cmocka_unit_test(without_a_policy_it_is_the_default),
		cmocka_unit_test(what_cannot_be_read_is_said),
		cmocka_unit_test(the_number_of_sources_has_a_range),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_path, remove_path);
}
