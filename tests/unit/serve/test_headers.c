// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "user/serve/http/headers.h"
#include "user/serve/http/route.h"

static void check_token(const char *value, const char *expected)
{
	/* on the heap, so that ASan catches an overrun */
	char *copy = strdup(value);
	const char *token = headers_bearer_token(copy);

	if (!token != !expected || (token && strcmp(token, expected)))
		fail_msg("'%s': expected %s, found %s", value, expected ? expected : "none",
		         token ? token : "none");
	free(copy);
}

static void a_bearer_token_is_found(void **state)
{
	(void)state;
	check_token("Bearer abc", "abc");
	check_token("bearer abc", "abc");
	check_token("BEARER   abc", "abc");
	check_token("Bearer aZ09-._~+/==", "aZ09-._~+/==");
	check_token("Bearer", NULL);
	check_token("Bearer ", NULL);
	check_token("Bearer   ", NULL);
	check_token("Bearerabc", NULL);
	check_token("Bearer\tabc", NULL);
	check_token("Bearer abc def", NULL);
	check_token("Bearer abc ", NULL);
	check_token("Bearer =abc", NULL);
	check_token("Bearer ab=c", NULL);
	check_token("Bearer a,b", NULL);
	check_token("Bearer a\"b", NULL);
	check_token("Bearer \xc3\xa4", NULL);
	check_token("Basic abc", NULL);
	check_token("", NULL);
}

static void check_route(const char *target, enum endpoint endpoint, const char *query)
{
	char *copy = strdup(target);
	struct route route = route_find(copy);

	if (route.endpoint != endpoint || strcmp(route.query, query))
		fail_msg("'%s': expected %d and '%s', found %d and '%s'", target, endpoint, query,
		         route.endpoint, route.query);
	free(copy);
}

static void targets_map_to_endpoints(void **state)
{
	(void)state;
	check_route("/healthz", ENDPOINT_HEALTH, "");
	check_route("/healthz?", ENDPOINT_HEALTH, "");
	check_route("/healthz?a=b?c", ENDPOINT_HEALTH, "a=b?c");
	check_route("/v3/firewall/permit?ips=1.1.1.1", ENDPOINT_PERMIT, "ips=1.1.1.1");
	check_route("/v3/rate-limit", ENDPOINT_RATE_LIMIT, "");
	check_route("/v3/rate%2dlimit", ENDPOINT_RATE_LIMIT, "");
	check_route("/v3/rate%2Dlimit", ENDPOINT_RATE_LIMIT, "");
	check_route("/health%7a", ENDPOINT_HEALTH, "");
	check_route("http://host/healthz", ENDPOINT_HEALTH, "");
	check_route("HTTPS://host:1/healthz?x", ENDPOINT_HEALTH, "x");
}

static void other_targets_map_to_none(void **state)
{
	static const char *const targets[] = {
		"",
		"/",
		"*",
		"healthz",
		"/healthz/",
		"//healthz",
		"/Healthz",
		"/healthz%",
		"/healthz%0",
		"/healthz%zz",
		"/%",
		"%",
		"/healthz%00",
		"/healthz%00x",
		"/v3/firewall",
		"/v3/firewall/permit/",
		"http://",
		"http://host",
		"ftp://host/healthz",
		"/healthz#x",
		"/./healthz",
		"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		check_route(targets[i], ENDPOINT_NONE, "");
	check_route("/nothing?a=b", ENDPOINT_NONE, "a=b");
}

static void methods_are_case_sensitive(void **state)
{
	(void)state;
	assert_non_null(route_operation(ENDPOINT_PERMIT, "POST"));
	assert_string_equal(route_operation(ENDPOINT_PERMIT, "HEAD"),
	                    route_operation(ENDPOINT_PERMIT, "GET"));
	assert_null(route_operation(ENDPOINT_PERMIT, "post"));
	assert_null(route_operation(ENDPOINT_PERMIT, "PUT"));
	assert_null(route_operation(ENDPOINT_RATE_LIMIT, "POST"));
	assert_null(route_operation(ENDPOINT_HEALTH, "DELETE"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bearer_token_is_found),
		cmocka_unit_test(targets_map_to_endpoints),
		cmocka_unit_test(other_targets_map_to_none),
		cmocka_unit_test(methods_are_case_sensitive),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
