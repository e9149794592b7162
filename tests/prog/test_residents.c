// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* A source that uses its bucket stays in the residents filter, however many others get buckets: it
 * is added in every epoch, and no more often than necessary. */

#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "user/policy/gate.h"
#include "tests/prog/lib/program.h"
#include "tests/prog/lib/policy.h"
#include "tests/prog/lib/spoofed.h"
#include "tests/tap.h"
#include "bpf/gate/hash.h"
#include "bpf/gate/resident_bits.h"

#define BUCKETS          4096
#define EPOCH_BUCKETS    32
#define EPOCHS           7 /* more than twice as many as a set remembers */
#define REFRESH_ATTEMPTS 50
#define UNTIL_REFRESH_US 120000 /* longer than a window and than a tick of the refresh time */

static const struct xrl_address source = {{10, 1, 2, 3}};

static const struct policy_text policies[] = {
	{.classes = {{.limits = {"100/100ms packets"}}}},
	{.classes = {{.limits = {"100/100ms packets", "100000/100ms bytes"}}}},
	{.classes = {{.limits = {"100/100ms packets sliding"}}}},
};

static void begin(struct program *program, const struct policy_text *text)
{
	struct xrl_flood flood;

	gate_set_default(&flood);
	flood.mode = XRL_FLOOD_OFF;
	spoofed_activate(program, text, &flood);
	program_delete_bucket(program, source);
}

static void send(const struct program *program)
{
	unsigned char frame[FRAME_ROOM];
	struct frame_spec spec = {.frame_bytes = SPOOFED_BYTES, .source = source};

	program_run(program, frame, frame_build(&spec, frame), NULL);
}

static __u32 checked_ticks(const struct program *program)
{
	struct xrl_bucket bucket = {};

	program_read_bucket(program, source, &bucket);
	return bucket.checked_ticks;
}

/* Sends until a packet has refreshed the bucket in a new tick. */
static void send_until_refresh(const struct program *program)
{
	__u32 before = checked_ticks(program);

	for (int i = 0; i < REFRESH_ATTEMPTS && checked_ticks(program) == before; i++) {
		usleep(UNTIL_REFRESH_US);
		send(program);
	}
}

static __u32 source_hash(const struct program *program)
{
	__u32 address;

	memcpy(&address, &source, sizeof(address));
	return xrl_gate_hash(address, program->flood->hash_key);
}

static __u32 set_index(const struct program *program)
{
	return xrl_gate_set_of(source_hash(program), program->flood->lines);
}

static int is_marked(const struct program *program)
{
	__u32 number = set_index(program);
	struct xrl_gate_line set;

	return !bpf_map_lookup_elem(program->gate, &number, &set) &&
	       xrl_is_resident(&set, program->flood->epoch,
	                       xrl_resident_bits(source_hash(program))) == 1;
}

static void next_epoch(const struct program *program)
{
	__u32 epoch = program->flood->epoch;

	for (int i = 0; i < BUCKETS && program->flood->epoch == epoch; i++)
		spoofed_run_next(1);
}

static void clear_set(const struct program *program)
{
	static const struct xrl_gate_line empty;
	__u32 number = set_index(program);

	bpf_map_update_elem(program->gate, &number, &empty, BPF_ANY);
}

static void check_epochs(const struct program *program, const char *what)
{
	int before = 0, marked = 0;

	send(program);
	tap_ok(is_marked(program), "%s: added when the bucket is created", what);
	for (int i = 0; i < EPOCHS; i++) {
		next_epoch(program);
		before += is_marked(program);
		send_until_refresh(program);
		marked += is_marked(program);
	}
	tap_ok(!before && marked == EPOCHS, "%s: added again in each epoch", what);
	tap_note("added in %d of %d epochs, in %d of them before it sent", marked, EPOCHS, before);
}

/* The second refresh in an epoch adds nothing. Repeats if the source was due anyway. */
static void check_once(const struct program *program, const char *what)
{
	__u32 before;

	do {
		send_until_refresh(program);
		send_until_refresh(program);
		before = checked_ticks(program);
		clear_set(program);
		send_until_refresh(program);
	} while ((before ^ checked_ticks(program)) >> XRL_READD_SHIFT);
	tap_ok(!is_marked(program), "%s: not added twice in one epoch", what);
}

/* A bucket without refresh time, as under a permit or in a class without limits. */
static void check_first_refresh(const struct program *program, const char *what)
{
	struct xrl_bucket bucket;

	next_epoch(program);
	usleep(UNTIL_REFRESH_US);
	program_read_bucket(program, source, &bucket);
	bucket.checked_ticks = 0;
	bucket.settled_until_jiffies = 0;
	bpf_map_update_elem(program->buckets, &source, &bucket, BPF_ANY);
	send_until_refresh(program);
	tap_ok(is_marked(program), "%s: added with the first refresh of an old bucket", what);
}

/* A CPU counts an insertion, and is about to begin an epoch when others are already in a later
 * one. */
static void check_late_cpu(const struct program *program)
{
	__u32 epoch, began_ticks;

	next_epoch(program);
	epoch = program->flood->epoch;
	began_ticks = program->flood->epoch_began_ticks;
	usleep(UNTIL_REFRESH_US);
	program->flood->insertions -= EPOCH_BUCKETS;
	spoofed_run_next(1);
	program->flood->insertions += EPOCH_BUCKETS;
	tap_ok(program->flood->epoch == epoch && program->flood->epoch_began_ticks == began_ticks,
	       "a delayed CPU does not return to an older epoch");
}

int main(void)
{
	struct program_options options = {.entry = PROGRAM_FRAGS, .sources = BUCKETS};
	struct program program;

	spoofed_prepare();
	if (program_open(&program, &options) || spoofed_open(&program))
		return tap_give_up("cannot load the programs");
	program.flood->sources = EPOCH_BUCKETS * (XRL_GATE_EPOCHS - 1);
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		const char *const *limits = policies[i].classes[0].limits;
		const char *what = limits[1] ? "two limits" : limits[0];

		begin(&program, &policies[i]);
		check_epochs(&program, what);
		check_once(&program, what);
		check_first_refresh(&program, what);
	}
	check_late_cpu(&program);
	spoofed_close();
	program_close(&program);
	return tap_done();
}
