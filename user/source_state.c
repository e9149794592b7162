// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "source_state.h"

#include <arpa/inet.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "clock.h"
#include "limit.h"
#include "pins.h"
#include "../bpf/window.h"
#include "../include/permit.h"

#define SECOND_NS 1000000000ULL

static void read_source(const struct instance *instance, struct source_state *source)
{
	struct xrl_permit permit;

	/* a look-up by system call leaves the order of the LRU as it was */
	source->known = !bpf_map_lookup_elem(instance->maps[SHARED_BUCKETS], &source->address,
	                                     &source->bucket);
	source->now_ns = clock_boot_ns();
	if (!bpf_map_lookup_elem(instance->maps[SHARED_PERMITS], &source->address, &permit) &&
	    permit.until_boot_ns > source->now_ns)
		source->permit_until_boot_ns = permit.until_boot_ns;
}

/* Whether the program would take this window for an open one, by its own arithmetic. */
static bool is_open(const struct source_state *source, const struct xrl_limit *limit, xrl_word word)
{
	const struct xrl_bucket *bucket = &source->bucket;
	__u64 idle_ns = source->now_ns > bucket->checked_boot_ns
	                        ? source->now_ns - bucket->checked_boot_ns
	                        : 0;

	return source->known && word && idle_ns < limit->period_ns &&
	       (__s32)(limit->since_generation - bucket->generation) <= 0 &&
	       !xrl_window_is_over(limit, word, source->now_ns);
}

struct source_rest source_rest_of(const struct source_state *source, const struct xrl_limit *limit,
                                  int window)
{
	xrl_word word = xrl_window_read(&source->bucket.windows[window]);
	struct source_rest rest = {.remaining = limit->max_units};
	__u64 until_end_ns;

	if (!is_open(source, limit, word))
		return rest;
	/* the end of the last tick, after which the next unit opens a new window */
	until_end_ns =
		xrl_window_remaining_ns(limit, word, source->now_ns) + (1ULL << limit->tick_shift);
	rest.used = xrl_window_used(word);
	rest.remaining = rest.used < limit->max_units ? limit->max_units - rest.used : 0;
	rest.reset_boot_ns = source->now_ns + until_end_ns;
	if (!rest.remaining && !source->permit_until_boot_ns && !source->monitored)
		rest.retry_after_ns = until_end_ns;
	return rest;
}

static json_t *time_json(__u64 boot_ns)
{
	char text[OUTPUT_TIME_SIZE];

	if (!boot_ns)
		return json_null();
	/* rounded up: at the second that is shown, it has come */
	output_time(text, clock_unix_seconds(boot_ns + SECOND_NS - 1));
	return json_string(text);
}

static json_t *limit_json(const struct source_state *source, const struct xrl_limit *limit,
                          int window)
{
	struct source_rest rest = source_rest_of(source, limit, window);
	char text[LIMIT_TEXT_SIZE];

	limit_format(limit, text, sizeof(text));
	return json_pack("{s:s, s:I, s:I, s:I, s:o, s:f, s:s, s:f, s:s, s:s, s:n}", "limit_text",
	                 text, "limit", (json_int_t)limit->max_units, "used", (json_int_t)rest.used,
	                 "remaining", (json_int_t)rest.remaining, "reset_at",
	                 time_json(rest.reset_boot_ns), "retry_after_seconds",
	                 (double)rest.retry_after_ns / SECOND_NS, "unit",
	                 limit_unit_name(limit->unit), "period_seconds",
	                 (double)limit->period_ns / SECOND_NS, "algorithm", "fixed", "scope",
	                 "source", "endpoint");
}

enum exit_code source_state_read(const struct instance *instance, const struct xrl_address *address,
                                 struct source_state *source)
{
	__u32 redirect, generation;

	*source = (struct source_state){.address = *address};
	if (!instance_read_policy(instance, &source->class, &redirect, &generation))
		return fail(EXIT_FAILED, "run attach again: it mends that",
		            "there is no policy in %s", instance->pin_dir);
	source->monitored = source->class.action == XRL_MONITOR;
	read_source(instance, source);
	return EXIT_DONE;
}

json_t *source_state_json(const struct source_state *source)
{
	const struct xrl_class *class = &source->class;
	json_t *limits = json_array();
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &source->address, address, sizeof(address));
	for (__u32 i = 0; i < class->limit_count; i++)
		json_array_append_new(limits, limit_json(source, &class->limits[i], i));
	return json_pack("{s:s, s:s, s:b, s:o, s:o, s:o}", "source", address, "class", "default",
	                 "known", source->known, "permit_expires_at",
	                 time_json(source->permit_until_boot_ns), "limits", limits, "icmp_errors",
	                 limit_json(source, &class->limits[XRL_ICMP_ERRORS], XRL_ICMP_ERRORS));
}

enum exit_code source_state_look_up(const char *pin_dir, const struct xrl_address *address,
                                    json_t **json)
{
	struct source_state source;
	struct instance instance;
	int lock = pins_lock_shared(pin_dir);
	enum exit_code error = instance_open_attached(&instance, pin_dir);

	if (!error)
		error = source_state_read(&instance, address, &source);
	*json = error ? NULL : source_state_json(&source);
	instance_close(&instance);
	if (lock >= 0)
		close(lock);
	return error;
}
