// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/output/permit.h"

#include <arpa/inet.h>

#include "user/util/clock.h"
#include "user/util/duration.h"

static json_t *time_json(__s64 unix_seconds)
{
	char text[RESULT_TIME_SIZE];

	result_format_time(text, unix_seconds);
	return json_string(text);
}

static json_t *future_json(__s64 unix_ns)
{
	return time_json((unix_ns + SECOND_NS - 1) / SECOND_NS);
}

static json_t *seconds_json(__s64 until_unix_ns, __s64 now_ns)
{
	return json_real(until_unix_ns > now_ns ? (double)(until_unix_ns - now_ns) / SECOND_NS : 0);
}

static json_t *address_json(const struct xrl_address *address)
{
	char text[INET_ADDRSTRLEN];

	return json_string(inet_ntop(AF_INET, address, text, sizeof(text)));
}

static json_t *result_json(const struct permit_result *result, __s64 now_ns)
{
	bool in_force = result->change != PERMIT_REVOKED && result->change != PERMIT_NONE;

	return json_pack("{s:o, s:s, s:o, s:o}", "address", address_json(&result->address),
	                 "change", permit_change_name(result->change), "expires_at",
	                 in_force ? future_json(result->until_unix_ns) : json_null(),
	                 "expires_in_seconds",
	                 in_force ? seconds_json(result->until_unix_ns, now_ns) : json_null());
}

json_t *permit_results_json(const struct permit_outcome *outcome)
{
	json_t *results = json_array();
	__s64 now_ns = clock_unix_ns();

	for (__u32 i = 0; i < outcome->count; i++)
		json_array_append_new(results, result_json(&outcome->results[i], now_ns));
	return results;
}

json_t *permit_quota_json(const struct permit_quota *quota)
{
	return json_pack("{s:I, s:I, s:o, s:o}", "limit", (json_int_t)quota->limit, "remaining",
	                 (json_int_t)quota->remaining, "reset_at",
	                 future_json(quota->reset_unix_ns), "reset_in_seconds",
	                 seconds_json(quota->reset_unix_ns, clock_unix_ns()));
}

const char *permit_state_name(const struct permit_record *record)
{
	if (record->active)
		return "in_force";
	return record->revoked ? "revoked" : "expired";
}

static json_t *record_json(const struct permit_record *record, __s64 now_ns)
{
	return json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:I, s:s?}", "address",
	                 address_json(&record->address), "account", record->account, "state",
	                 permit_state_name(record), "since",
	                 time_json(record->since_unix_ns / SECOND_NS), "expires_at",
	                 future_json(record->until_unix_ns), "expires_in_seconds",
	                 record->active ? seconds_json(record->until_unix_ns, now_ns) : json_null(),
	                 "request", (json_int_t)record->request_id, "comment",
	                 record->comment[0] ? record->comment : NULL);
}

json_t *permit_records_json(const struct permit_record *records, __u32 count)
{
	json_t *permits = json_array();
	__s64 now_ns = clock_unix_ns();

	for (__u32 i = 0; i < count; i++)
		json_array_append_new(permits, record_json(&records[i], now_ns));
	return permits;
}
