// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Who uses its bucket stays known to the gate, however many others are given one: it is marked in
 * every epoch, and no more often than need be. */

#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "user/policy/gate.h"
#include "tests/prog/lib/program.h"
#include "tests/prog/lib/policy.h"
#include "tests/prog/lib/spoofed.h"
#include "tests/tap.h"
#include "bpf/gate/newcomer.h"

#define BUCKETS       4096
#define EPOCH_BUCKETS 32
#define EPOCHS        7 /* twice as many as a line remembers */
#define LOOK_ATTEMPTS 50
#define UNTIL_LOOK_US 120000 /* longer than a window, and than a tick of what is noted of looks */

static const struct xrl_address source = {{10, 1, 2, 3}};

static const struct policy_text policies[] = {
	{.classes = {{.limits = {"100/100ms packets"}}}},
	{.classes = {{.limits = {"100/100ms packets", "100000/100ms bytes"}}}},
	{.classes = {{.limits = {"100/100ms packets sliding"}}}},
};

static void begin(struct loaded *loaded, const struct policy_text *text)
{
	struct xrl_flood flood;

	flood_set_default(&flood);
	flood.mode = XRL_FLOOD_OFF;
	spoofed_publish(loaded, text, &flood);
	loaded_forget(loaded, source);
}

static void send(const struct loaded *loaded)
{
	unsigned char frame[FRAME_ROOM];
	struct shape shape = {.frame_bytes = SPOOFED_BYTES, .source = source};

	loaded_run(loaded, frame, frame_build(&shape, frame), NULL);
}

static __u32 checked_ticks(const struct loaded *loaded)
{
	struct xrl_bucket bucket = {};

	loaded_read_bucket(loaded, source, &bucket);
	return bucket.checked_ticks;
}

/* Until a packet of it has needed a look at the clock, and another tick was noted. */
static void send_until_look(const struct loaded *loaded)
{
	__u32 before = checked_ticks(loaded);

	for (int i = 0; i < LOOK_ATTEMPTS && checked_ticks(loaded) == before; i++) {
		usleep(UNTIL_LOOK_US);
		send(loaded);
	}
}

static __u32 source_hash(const struct loaded *loaded)
{
	__u32 address;

	memcpy(&address, &source, sizeof(address));
	return xrl_gate_hash(address, loaded->flood->hash_key);
}

static __u32 line_number(const struct loaded *loaded)
{
	return xrl_gate_line_of(source_hash(loaded), loaded->flood->lines);
}

static int is_marked(const struct loaded *loaded)
{
	__u32 number = line_number(loaded);
	struct xrl_gate_line line;

	return !bpf_map_lookup_elem(loaded->gate, &number, &line) &&
	       xrl_is_known(&line, loaded->flood->epoch, xrl_known_bits(source_hash(loaded))) == 1;
}

static void next_epoch(const struct loaded *loaded)
{
	__u32 epoch = loaded->flood->epoch;

	for (int i = 0; i < BUCKETS && loaded->flood->epoch == epoch; i++)
		spoofed_run_next(1);
}

static void forget_marks(const struct loaded *loaded)
{
	static const struct xrl_gate_line empty;
	__u32 number = line_number(loaded);

	bpf_map_update_elem(loaded->gate, &number, &empty, BPF_ANY);
}

static void check_epochs(const struct loaded *loaded, const char *what)
{
	int before = 0, marked = 0;

	send(loaded);
	tap_ok(is_marked(loaded), "%s: marked when its bucket is made", what);
	for (int i = 0; i < EPOCHS; i++) {
		next_epoch(loaded);
		before += is_marked(loaded);
		send_until_look(loaded);
		marked += is_marked(loaded);
	}
	tap_ok(!before && marked == EPOCHS, "%s: marked anew in each epoch", what);
	tap_note("of %d epochs in %d, and in %d before it sent", EPOCHS, marked, before);
}

/* The second look has the first one in this epoch. Again, if it was time to mark it anyway. */
static void check_once(const struct loaded *loaded, const char *what)
{
	__u32 before;

	do {
		send_until_look(loaded);
		send_until_look(loaded);
		before = checked_ticks(loaded);
		forget_marks(loaded);
		send_until_look(loaded);
	} while ((before ^ checked_ticks(loaded)) >> XRL_REMARK_SHIFT);
	tap_ok(!is_marked(loaded), "%s: and once in each is enough", what);
}

/* As under a permit, or in a class without limits. */
static void check_first_look(const struct loaded *loaded, const char *what)
{
	struct xrl_bucket bucket;

	next_epoch(loaded);
	usleep(UNTIL_LOOK_US);
	loaded_read_bucket(loaded, source, &bucket);
	bucket.checked_ticks = 0;
	bucket.settled_until_jiffies = 0;
	bpf_map_update_elem(loaded->buckets, &source, &bucket, BPF_ANY);
	send_until_look(loaded);
	tap_ok(is_marked(loaded), "%s: marked with the first look at an old bucket", what);
}

/* One that has counted its bucket, and begins its epoch when others are in a later one. */
static void check_late_cpu(const struct loaded *loaded)
{
	__u32 epoch, began_ticks;

	next_epoch(loaded);
	epoch = loaded->flood->epoch;
	began_ticks = loaded->flood->epoch_began_ticks;
	usleep(UNTIL_LOOK_US);
	loaded->flood->insertions -= EPOCH_BUCKETS;
	spoofed_run_next(1);
	loaded->flood->insertions += EPOCH_BUCKETS;
	tap_ok(loaded->flood->epoch == epoch && loaded->flood->epoch_began_ticks == began_ticks,
	       "a CPU that is late doesn't go back to an older epoch");
}

int main(void)
{
	struct loaded_options options = {.entry = LOADED_FRAGS, .sources = BUCKETS};
	struct loaded loaded;

	spoofed_prepare();
	if (loaded_open(&loaded, &options) || spoofed_open(&loaded))
		return tap_give_up("the programs don't load");
	loaded.flood->sources = EPOCH_BUCKETS * (XRL_GATE_EPOCHS - 1);
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		const char *const *limits = policies[i].classes[0].limits;
		const char *what = limits[1] ? "two limits" : limits[0];

		begin(&loaded, &policies[i]);
		check_epochs(&loaded, what);
		check_once(&loaded, what);
		check_first_look(&loaded, what);
	}
	check_late_cpu(&loaded);
	spoofed_close();
	loaded_close(&loaded);
	return tap_done();
}
