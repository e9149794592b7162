// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/output/source.h"

#include <stdio.h>
#include <unistd.h>
#include <linux/types.h>
#include <arpa/inet.h>

#include "user/config/cidr_list.h"
#include "user/datapath/gate.h"
#include "user/datapath/pin_lock.h"
#include "user/policy/limit.h"
#include "user/util/clock.h"
#include "user/util/duration.h"

static json_t *time_json(__u64 boot_ns)
{
	char text[RESULT_TIME_SIZE];

	if (!boot_ns)
		return json_null();
	/* rounded up, so that it has passed at the second shown */
	result_format_time(text, clock_unix_seconds(boot_ns + SECOND_NS - 1));
	return json_string(text);
}

static json_t *moment_json(const struct source *source, __u64 from_now_ns)
{
	return time_json(from_now_ns ? source->now_ns + from_now_ns : 0);
}

static json_t *burst_json(const struct xrl_limit *limit)
{
	return limit->algorithm == XRL_TOKEN ? json_integer(limit->max_units) : json_null();
}

static json_t *limit_json(const struct source *source, const struct source_limit *of)
{
	const struct limit_usage *usage = &of->usage;
	const struct xrl_limit *limit = of->limit;
	char text[LIMIT_TEXT_SIZE], scope[LIMIT_SCOPE_SIZE], endpoint[ENDPOINT_TEXT_SIZE];

	limit_format(limit, text, sizeof(text));
	limit_format_scope(limit, scope);
	return json_pack("{s:s, s:I, s:I, s:I, s:o, s:f, s:s, s:f, s:s, s:o, s:s, s:s?}",
	                 "limit_text", text, "limit", (json_int_t)limit->rate_units, "used",
	                 (json_int_t)usage->used, "remaining", (json_int_t)usage->remaining,
	                 "reset_at", moment_json(source, usage->reset_ns), "retry_after_seconds",
	                 of->rejects ? (double)usage->retry_ns / SECOND_NS : 0.0, "unit",
	                 limit_unit_name(limit->unit), "period_seconds",
	                 (double)limit->period_ns / SECOND_NS, "algorithm",
	                 limit_algorithm_name(limit->algorithm), "burst", burst_json(limit),
	                 "scope", scope, "endpoint", limit_format_endpoint(limit, endpoint));
}

static json_t *newcomer_json(const struct source *source)
{
	if (!source->is_newcomer)
		return json_null();
	return json_pack("{s:I, s:I}", "seen_packets", (json_int_t)source->newcomer.seen_packets,
	                 "passed_packets", (json_int_t)source->newcomer.passed_packets);
}

static json_t *cidr_json(const struct source *source)
{
	char text[CIDR_TEXT_SIZE];

	if (source->reason != BY_CIDR)
		return json_null();
	cidr_format(&source->cidr.cidr, text);
	return json_string(text);
}

const char *source_reason(const struct source *source)
{
	static const char *const names[] = {
		[BY_DEFAULT] = "default", [BY_CIDR] = "cidr", [BY_PERMIT] = "permit"};

	return names[source->reason];
}

json_t *source_json(const struct source *source)
{
	json_t *limits = json_array();
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &source->address, address, sizeof(address));
	for (__u32 i = 0; i < source->limit_count; i++)
		json_array_append_new(limits, limit_json(source, &source->limits[i]));
	return json_pack("{s:s, s:s, s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "source", address,
	                 "class", source->class->name, "class_reason", source_reason(source),
	                 "cidr", cidr_json(source), "known", source->has_bucket, "newcomer",
	                 newcomer_json(source), "permit_expires_at",
	                 time_json(source->permit_until_boot_ns), "penalty_until",
	                 moment_json(source, source->penalty_ns), "limits", limits, "icmp_errors",
	                 limit_json(source, &source->icmp_errors));
}

/* ---- text ---- */

/* Fixed windows reset at a moment; sliding windows and token buckets become free bit by bit. */
static void print_remaining(const struct xrl_limit *limit, const struct limit_usage *usage)
{
	printf("%llu used, %llu remaining", usage->used, usage->remaining);
	if (usage->reset_ns)
		printf(", %s in %.3f s", limit->algorithm == XRL_FIXED ? "resets" : "fully free",
		       (double)usage->reset_ns / SECOND_NS);
}

static void print_limit(const struct source *source, const struct source_limit *of,
                        const char *label, const char *what)
{
	const struct limit_usage *usage = &of->usage;
	char text[LIMIT_TEXT_SIZE];

	limit_format(of->limit, text, sizeof(text));
	printf("%-10s %s%s: ", label, text, what);
	print_remaining(of->limit, usage);
	if (of->rejects && usage->retry_ns == usage->reset_ns)
		printf("; rejected until then");
	else if (of->rejects)
		printf("; next one passes in %.3f s", (double)usage->retry_ns / SECOND_NS);
	else if (usage->retry_ns)
		printf("; passes anyway (%s)", source->permitted ? "permit" : "monitor");
	printf("\n");
}

static void print_class(const struct source *source)
{
	char cidr[CIDR_TEXT_SIZE];

	printf("class      %s", source->class->name);
	if (source->reason == BY_CIDR) {
		cidr_format(&source->cidr.cidr, cidr);
		printf(" (matches %s)\n", cidr);
	} else {
		printf(" (%s)\n", source->reason == BY_PERMIT ? "has a permit" : "no CIDR matches");
	}
}

static void print_permit(const struct source *source)
{
	char until[RESULT_TIME_SIZE];

	if (!source->permit_until_boot_ns) {
		printf("permit     none\n");
		return;
	}
	/* rounded up, as in JSON */
	result_format_time(until, clock_unix_seconds(source->permit_until_boot_ns + SECOND_NS - 1));
	printf("permit     until %s%s\n", until, source->permitted ? ": no limit applies" : "");
}

static void print_address(const struct source *source, const char *address)
{
	const struct newcomer *newcomer = &source->newcomer;

	printf("source     %s", address);
	if (source->is_newcomer)
		printf(" (newcomer without a bucket: %u%s packet%s seen, %u of them passed)",
		       newcomer->seen_packets,
		       newcomer->seen_packets < NEWCOMER_MAX_SEEN ? "" : " or more",
		       newcomer->seen_packets == 1 ? "" : "s", newcomer->passed_packets);
	else if (!source->has_bucket)
		printf(" (no bucket: not seen, or not recently)");
	printf("\n");
}

void source_print(const struct source *source, const char *address)
{
	const struct xrl_class *class = source->class;

	print_address(source, address);
	print_class(source);
	print_permit(source);
	if (source->penalty_ns)
		printf("penalty    for another %.3f s: %s\n",
		       (double)source->penalty_ns / SECOND_NS,
		       class->action == XRL_MONITOR ? "passes anyway (monitor)"
		                                    : "everything but ICMP errors is rejected");
	if (!class->limit_count && !class->separate_count) {
		printf("limits     none: trusted\n");
		return;
	}
	for (__u32 i = 0; i < source->limit_count; i++)
		print_limit(source, &source->limits[i], i ? "" : "limits", "");
	print_limit(source, &source->icmp_errors, "", " (ICMP errors)");
}

enum exit_code source_look_up(const char *pin_dir, const struct xrl_address *address, json_t **json)
{
	struct source source;
	struct maps maps;
	int lock = pin_lock_shared(pin_dir);
	enum exit_code error = maps_open_attached(&maps, pin_dir);

	if (!error)
		error = source_read(&maps, address, &source);
	*json = error ? NULL : source_json(&source);
	maps_close(&maps);
	if (lock >= 0)
		close(lock);
	return error;
}
