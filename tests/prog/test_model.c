// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* A million valid, mutated and random frames under a sequence of policies: the program takes the
 * same action and increments the same counter as the independent model.
 *
 * usage: test_model [SEED [FRAMES]]; SEED may also be set in the environment */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/random_frame.h"
#include "tests/prog/lib/program.h"
#include "tests/prog/lib/model.h"
#include "tests/prog/lib/random_policy.h"
#include "tests/tap.h"
#include "tests/units.h"

#define FRAMES             1050000
#define EPOCHS             48 /* policies in sequence */
#define PERMIT_EVERY       400
#define MANY_SOURCES       (1u << 18) /* enough that none is evicted */
#define LEAST_OF_A_COUNTER 100

static __u32 number_of(struct xrl_address address)
{
	const __u8 *octets = address.octets;

	return (__u32)octets[0] << 24 | octets[1] << 16 | octets[2] << 8 | octets[3];
}

static void next_policy(struct program *program, struct model *model, struct random_policy *random,
                        __u32 epoch)
{
	random_policy_next(random, epoch, program->meta->generation + 1);
	*program_next_policy(program) = random->policy;
	*program_next_ports(program) = random->ports;
	program_set_cidrs(program, random->cidrs, random->cidr_count);
	program_set_scoped(program, random_policy_has_scoped(random) ? MANY_SOURCES : 0);
	program_commit(program);
	model_activate(model, &random->policy, &random->ports, random->cidrs, random->cidr_count,
	               program->meta->generation);
}

/* Grants a permit, grants an expired one, or revokes one. */
static void next_permit(struct program *program, struct model *model)
{
	struct xrl_address address = random_address();
	__u64 until_ns[] = {boot_ns() + HOUR_NS, 1, 0, 0};
	__u32 which = random_below(4);

	program_permit(program, address, until_ns[which]);
	model_permit(model, number_of(address), !which, program->meta->generation);
}

static void explain_limits(const struct xrl_limit *limits, __u32 count, const char *text)
{
	for (__u32 i = 0; i < count; i++)
		tap_note("%s %u: %llu of unit %u, algorithm %u, scope %u, endpoint %u %u-%u, id %u",
		         text, i, limits[i].max_units, limits[i].unit, limits[i].algorithm,
		         limits[i].scope_bits, limits[i].endpoint_protocol, limits[i].first_port,
		         limits[i].last_port, limits[i].id);
}

static void explain_class(const struct random_policy *random, __u32 number)
{
	const struct xrl_class *class = &random->policy.classes[number];

	tap_note("class %u: action %u, penalty %llu ns, warns at %u %%", number, class->action,
	         class->penalty.period_ns, class->warn_percent);
	explain_limits(class->limits, class->limit_count, "limit");
	explain_limits(class->separate, class->separate_count, "scoped limit");
}

static void explain(const unsigned char *frame, __u32 bytes, struct model *model,
                    const struct random_policy *random)
{
	struct model_frame parsed = model_parse(frame, bytes);

	tap_note("default class %u, class of permits %u, %zu CIDRs, wants %#x",
	         random->policy.default_class, random->policy.permitted_class, random->cidr_count,
	         random->policy.wants);
	if (parsed.kind == IPV4 || parsed.kind == ICMP_ERROR) {
		struct model_source *source = model_source_of(model, parsed.address);

		tap_note("source %08x, permitted %d, in a penalty %d", source->address,
		         source->permitted, source->in_penalty);
		explain_class(random, source->class_number);
	}
	printf("# frame:");
	for (__u32 i = 0; i < bytes && i < 100; i++)
		printf(" %02x", frame[i]);
	printf("\n");
}

/* Runs one frame through both, and updates `counters`. */
static int agree(const struct program *program, struct model *model, const unsigned char *frame,
                 __u32 bytes, struct xrl_counter_pair *counters)
{
	struct model_verdict expected = model_decide(model, frame, bytes);
	struct xrl_counter_pair after[XRL_COUNTERS];
	int action = program_run(program, frame, bytes, NULL);

	counters[expected.counter].packets++;
	counters[expected.counter].bytes += bytes;
	program_read_counters(program, after);
	if (action == expected.action && !memcmp(counters, after, sizeof(after)))
		return 1;
	tap_note("action %d, expected %d and %s", action, expected.action,
	         counter_name(expected.counter));
	for (__u32 i = 0; i < XRL_COUNTERS; i++)
		if (memcmp(&counters[i], &after[i], sizeof(after[i])))
			tap_note("%s: %llu packets, expected %llu", counter_name(i),
			         after[i].packets, counters[i].packets);
	return 0;
}

static int run(struct program *program, struct model *model, __u32 frames,
               struct xrl_counter_pair *counters)
{
	static unsigned char frame[FRAME_ROOM];
	static struct random_policy random;
	__u32 epoch_frames = frames / EPOCHS + 1;

	random = (struct random_policy){};
	for (__u32 i = 0; i < frames; i++) {
		__u32 bytes;

		if (i % epoch_frames == 0)
			next_policy(program, model, &random, i / epoch_frames);
		if (i % PERMIT_EVERY == 0)
			next_permit(program, model);
		bytes = random_frame(frame);
		if (!agree(program, model, frame, bytes, counters)) {
			tap_note("frame %u, epoch %u", i, i / epoch_frames);
			explain(frame, bytes, model, &random);
			return 0;
		}
	}
	return 1;
}

/* A verdict that the generator never reaches is not tested. Contention needs another CPU, a failed
 * limiter needs a full map, redirects need an interface (test_packets), and the gate is off here
 * (test_flood, test_gate_budget, test_carry_over). */
static int is_reachable(__u32 counter)
{
	return counter != XRL_passed_newcomer && counter != XRL_passed_monitor_newcomers &&
	       counter != XRL_passed_monitor_newcomers_prefix && counter != XRL_dropped_newcomers &&
	       counter != XRL_dropped_newcomers_prefix && counter != XRL_passed_limiter_failed &&
	       counter != XRL_passed_monitor_contention && counter != XRL_dropped_contention &&
	       counter < XRL_REDIRECTED_BASE;
}

static int reached_all(const struct xrl_counter_pair *counters)
{
	int good = 1;

	for (__u32 i = 0; i < XRL_COUNTERS; i++) {
		if (!is_reachable(i))
			continue;
		tap_note("%8llu %s", counters[i].packets, counter_name(i));
		good &= counters[i].packets >= LEAST_OF_A_COUNTER;
	}
	return good;
}

static void check_entry(enum program_entry entry, __u32 frames)
{
	struct program_options options = {.entry = entry, .sources = MANY_SOURCES};
	struct xrl_counter_pair counters[XRL_COUNTERS] = {};
	struct program program;
	struct model model;
	time_t start = time(NULL);

	if (!tap_ok(!program_open(&program, &options), "%s loads", program_entry_name(entry)))
		return;
	if (tap_ok(model_open(&model), "memory for the model")) {
		tap_ok(run(&program, &model, frames, counters),
		       "%s: agrees with the model on %u frames", program_entry_name(entry), frames);
		tap_ok(reached_all(counters), "each verdict is reached at least %d times",
		       LEAST_OF_A_COUNTER);
		tap_note("%u sources, %u scoped buckets, %ld seconds", model.source_count,
		         model.bucket_count, time(NULL) - start);
		model_close(&model);
	}
	program_close(&program);
}

int main(int argc, char **argv)
{
	random_frame_run(argc, argv, FRAMES, check_entry);
	return tap_done();
}
