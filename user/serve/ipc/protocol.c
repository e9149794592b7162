// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/ipc/protocol.h"

#include <string.h>

bool protocol_is_worker_op(const char *op)
{
	static const char *const ops[] = {OP_TOKEN,  OP_QUOTA, OP_PERMIT,
	                                  OP_REVOKE, OP_LIST,  OP_RATE_LIMIT};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strcmp(ops[i], op))
			return true;
	return false;
}

json_t *protocol_rules_to_json(const struct permit_rules *rules)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "max_addresses",
	                 (json_int_t)rules->max_addresses, "max_requests",
	                 (json_int_t)rules->max_requests, "window_ns", (json_int_t)rules->window_ns,
	                 "lifetime_ns", (json_int_t)rules->lifetime_ns, "linger_ns",
	                 (json_int_t)rules->linger_ns, "max_permits",
	                 (json_int_t)rules->max_permits);
}

bool protocol_rules_from_json(struct permit_rules *rules, const json_t *json)
{
	json_int_t addresses, requests, window, lifetime, linger, permits;

	if (json_unpack((json_t *)json, "{s:I, s:I, s:I, s:I, s:I, s:I}", "max_addresses",
	                &addresses, "max_requests", &requests, "window_ns", &window, "lifetime_ns",
	                &lifetime, "linger_ns", &linger, "max_permits", &permits))
		return false;
	*rules = (struct permit_rules){addresses, requests, window, lifetime, linger, permits};
	return true;
}
