// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/output/gate.h"

#include <stdio.h>

#include "user/datapath/gate.h"
#include "user/datapath/bucket_count.h"
#include "user/util/clock.h"
#include "user/util/duration.h"
#include "user/policy/gate.h"

void gate_format_rate(__u64 packets, __u64 period_ns, char text[GATE_RATE_SIZE])
{
	char period[DURATION_TEXT_SIZE];

	duration_format(period_ns, period, sizeof(period));
	snprintf(text, GATE_RATE_SIZE, "%llu/%s", packets, period);
}

static const char *state_name(const struct gate_status *flood)
{
	static const char *const names[] = {
		[GATE_IS_OFF] = "off", [GATE_IS_READY] = "ready", [GATE_IS_ENGAGED] = "engaged"};

	return names[flood->state];
}

static json_t *since_json(const struct gate_status *flood)
{
	char since[RESULT_TIME_SIZE];

	if (!flood->since_boot_ns)
		return json_null();
	result_format_time(since, clock_unix_seconds(flood->since_boot_ns));
	return json_string(since);
}

/* Buckets in use, and buckets created that no longer exist: only the kernel removes one, to make
 * room. */
struct bucket_use {
	__u32 occupied;
	__u64 inserted;
	__u64 evicted;
};

static bool read_use(struct maps *maps, struct bucket_use *use)
{
	struct gate_status flood;

	/* in this order, so that a bucket created in between doesn't count as evicted */
	if (!gate_read(maps, &flood) || !bucket_count(maps, &use->occupied))
		return false;
	use->inserted =
		flood.inserted_buckets > use->occupied ? flood.inserted_buckets : use->occupied;
	use->evicted = use->inserted - use->occupied;
	return true;
}

/* ---- JSON ---- */

json_t *gate_totals_json(struct maps *maps)
{
	struct gate_status flood;

	if (!gate_read(maps, &flood))
		return json_null();
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I}", "mode",
	                 gate_mode_name(flood.policy->mode), "state", state_name(&flood), "since",
	                 since_json(&flood), "engaged_times", (json_int_t)flood.engaged_times,
	                 "unknown_sources_per_second", (json_int_t)flood.unknown_sources_per_second,
	                 "unknown_sources", (json_int_t)flood.unknown_sources, "promoted_sources",
	                 (json_int_t)flood.promoted_sources, "buckets_inserted",
	                 (json_int_t)flood.inserted_buckets);
}

json_t *gate_json(struct maps *maps)
{
	char newcomers[GATE_RATE_SIZE], prefix[GATE_RATE_SIZE];
	const struct xrl_flood *policy;
	struct gate_status flood;

	if (!gate_read(maps, &flood))
		return json_null();
	policy = flood.policy;
	gate_format_rate(policy->newcomers_packets, policy->newcomers_period_ns, newcomers);
	gate_format_rate(policy->prefix_packets, policy->prefix_period_ns, prefix);
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:s, s:s}", "mode",
	                 gate_mode_name(policy->mode), "state", state_name(&flood), "since",
	                 since_json(&flood), "engaged_times", (json_int_t)flood.engaged_times,
	                 "unknown_sources_per_second", (json_int_t)flood.unknown_sources_per_second,
	                 "unknown_sources", (json_int_t)flood.unknown_sources, "promoted_sources",
	                 (json_int_t)flood.promoted_sources, "newcomers", newcomers, "prefix",
	                 prefix);
}

json_t *gate_buckets_json(struct maps *maps)
{
	struct bucket_use use;

	if (!read_use(maps, &use))
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I}", "capacity", (json_int_t)maps_sources(maps),
	                 "occupied", (json_int_t)use.occupied, "inserted", (json_int_t)use.inserted,
	                 "evicted", (json_int_t)use.evicted);
}

/* ---- text ---- */

static void print_gate(const struct gate_status *flood)
{
	char since[RESULT_TIME_SIZE];

	if (flood->state == GATE_IS_OFF) {
		printf("gate       off\n");
		return;
	}
	printf("gate       %s", state_name(flood));
	if (flood->state == GATE_IS_ENGAGED) {
		result_format_time(since, clock_unix_seconds(flood->since_boot_ns));
		printf(" since %s", since);
	}
	printf(", %llu unknown sources a second", flood->unknown_sources_per_second);
	if (flood->engaged_times && flood->state == GATE_IS_READY) {
		result_format_time(since, clock_unix_seconds(flood->since_boot_ns));
		printf("; engaged %llu time%s, until %s", flood->engaged_times,
		       flood->engaged_times == 1 ? "" : "s", since);
	}
	printf("%s\n",
	       flood->policy->mode == XRL_FLOOD_MONITOR ? " (monitor: rejects nothing)" : "");
}

void gate_print(struct maps *maps)
{
	struct gate_status flood;
	struct bucket_use use;

	if (gate_read(maps, &flood))
		print_gate(&flood);
	if (read_use(maps, &use))
		printf("buckets    %u of %u in use, %llu created, %llu evicted\n", use.occupied,
		       maps_sources(maps), use.inserted, use.evicted);
}

static void print_total(const char *name, __u64 number)
{
	printf("  %-34s %15llu\n", name, number);
}

void gate_print_totals(struct maps *maps)
{
	struct gate_status flood;

	if (!gate_read(maps, &flood))
		return;
	printf("gate\n");
	print_total("unknown_sources", flood.unknown_sources);
	print_total("unknown_sources_per_second", flood.unknown_sources_per_second);
	print_total("promoted_sources", flood.promoted_sources);
	print_total("buckets_inserted", flood.inserted_buckets);
	print_total("engaged_times", flood.engaged_times);
}
