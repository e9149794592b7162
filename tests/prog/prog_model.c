// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* A million frames, valid, mutated and random, against the model: the same action and the
 * same counter for each.
 *
 * usage: prog_model [SEED [FRAMES]]; the seed may also be in the environment (SEED) */

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "frames.h"
#include "loaded.h"
#include "model.h"
#include "tap.h"

#define FRAMES             1050000
#define EPOCHS             36 /* policies, one after the other */
#define PERMIT_EVERY       1500
#define FEW_SOURCES        48
#define MANY_SOURCES       (1u << 18) /* so many that none is evicted */
#define LEAST_OF_A_COUNTER 100
#define HOUR_NS            3600000000000ULL

static __u64 random_state;

/* SplitMix64 */
static __u64 random64(void)
{
	__u64 z = random_state += 0x9E3779B97F4A7C15ULL;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
	return z ^ z >> 31;
}

static __u32 below(__u32 limit)
{
	return random64() % limit;
}

static int one_in(__u32 chance)
{
	return !below(chance);
}

static struct xrl_address few_address(void)
{
	return (struct xrl_address){{10, 0, below(4), below(FEW_SOURCES / 4)}};
}

static __u32 number_of(struct xrl_address address)
{
	const __u8 *octets = address.octets;

	return (__u32)octets[0] << 24 | octets[1] << 16 | octets[2] << 8 | octets[3];
}

static struct shape random_shape(void)
{
	static const __u16 tags[] = {0x8100, 0x88A8};
	static const __u16 types[] = {0x0806, 0x86DD, 0x88CC, 0x0100, 0x0800};
	static const __u8 protocols[] = {6, 6, 6, 17, 17, 1, 1, 47, 50, 132};
	static const __u8 icmp_types[] = {0, 8, 3, 3, 4, 5, 11, 12, 13, 2, 6, 10};
	static const __u8 tag_counts[] = {0, 0, 0, 0, 0, 1, 1, 2, 2, 3};
	__u32 tag_chance = below(sizeof(tag_counts));
	struct shape shape = {.source = few_address()};

	for (__u32 i = 0; i < tag_counts[tag_chance]; i++)
		shape.tags[i] = tags[below(2)];
	if (one_in(8))
		shape.ethertype = types[below(5)];
	if (one_in(4))
		shape.options_bytes = 4 * below(11);
	if (one_in(6))
		shape.fragment = one_in(2) ? FRAME_MORE_FRAGMENTS : below(65536);
	shape.protocol = protocols[below(sizeof(protocols))];
	shape.tcp_flags = one_in(2) ? FRAME_SYN : below(256);
	shape.icmp_type = icmp_types[below(sizeof(icmp_types))];
	shape.payload_bytes = one_in(4) ? below(1400) : below(100);
	return shape;
}

/* The sizes are where it's about to be wrong, or all the same. */
static void spoil(struct shape *shape)
{
	__u32 whole = frame_header_bytes(shape) + shape->payload_bytes;

	switch (below(6)) {
	case 0:
		shape->total_bytes = below(whole) + 1;
		break;
	case 1:
		shape->total_bytes = whole - frame_link_bytes(shape) + below(5) - 2;
		break;
	case 2:
		shape->version_ihl = below(256);
		break;
	case 3:
		shape->frame_bytes = FRAME_LINK_BYTES + below(whole);
		break;
	case 4:
		shape->frame_bytes = whole + below(100);
		break;
	default:
		shape->total_bytes = 20 + below(60);
	}
}

static void flip(unsigned char *frame, __u32 bytes)
{
	__u32 near = bytes < 80 ? bytes : 80;

	for (__u32 times = 1 + below(3); times; times--)
		frame[below(near)] ^= 1 << below(8);
}

static __u32 random_bytes(unsigned char *frame)
{
	__u32 bytes = FRAME_LINK_BYTES + below(120);

	for (__u32 i = 0; i < bytes; i += 8) {
		__u64 word = random64();

		memcpy(frame + i, &word, 8);
	}
	if (one_in(2)) {
		frame[12] = 0x08;
		frame[13] = one_in(8) ? 6 : 0;
		frame[14] = one_in(4) ? frame[14] : 0x45 + below(2);
		frame[16] = 0;
		frame[17] = one_in(4) ? frame[17] : 20 + below(bytes);
	}
	return bytes;
}

static __u32 next_frame(unsigned char *frame)
{
	struct shape shape;
	__u32 bytes;

	if (one_in(10))
		return random_bytes(frame);
	shape = random_shape();
	if (one_in(4))
		spoil(&shape);
	bytes = frame_build(&shape, frame);
	if (one_in(5))
		flip(frame, bytes);
	return bytes;
}

/* Long periods, and so few units that the few sources use them up in the course of an
 * epoch. The first three are such for sure, one for each unit. */
static const char *const limit_texts[] = {
	"50/31d packets",   "20000/31d bytes",    "5/31d connections", "300/31d packets",
	"200000/31d bytes", "80/31d connections", "1/31d packets",     "60/30d bytes",
};

/* All pairs of an action and a first limit come round, and at times there is no limit. */
static struct xrl_class class_of(__u32 epoch)
{
	const char *chosen[XRL_MAX_LIMITS] = {};
	__u32 count = epoch % 10 == 9 ? 0 : 1 + below(XRL_MAX_LIMITS);

	for (__u32 i = 0; i < count; i++)
		chosen[i] = limit_texts[i ? below(8) : epoch / 3 % 3];
	return loaded_class(chosen, one_in(2) ? "20/31d packets" : "3/31d packets", epoch % 3);
}

/* Of the other limits some stay as they were, and so does what is used of them. */
static int is_renewed(const struct xrl_class *fresh, const struct xrl_class *old, __u32 i)
{
	if (i == XRL_ICMP_ERRORS)
		return !old->limits[i].max_units || one_in(2);
	return !i || i >= old->limit_count || i >= fresh->limit_count || one_in(2);
}

static void next_policy(struct loaded *loaded, struct model *model, struct xrl_class *class,
                        __u32 epoch)
{
	struct xrl_class fresh = class_of(epoch);
	int renewed[XRL_WINDOWS];

	for (__u32 i = 0; i < XRL_WINDOWS; i++) {
		renewed[i] = is_renewed(&fresh, class, i);
		if (renewed[i])
			fresh.limits[i].since_generation = loaded->meta->generation + 1;
		else
			fresh.limits[i] = class->limits[i];
	}
	*class = fresh;
	loaded_publish(loaded, class);
	model_publish(model, class, renewed);
}

/* One of few; one that ended long ago is as good as none. */
static void next_permit(struct loaded *loaded, struct model *model)
{
	struct xrl_address address = few_address();
	__u64 until_ns[] = {loaded_boot_ns() + HOUR_NS, 1, 0, 0};
	__u32 which = below(4);

	loaded_permit(loaded, address, until_ns[which]);
	model_permit(model, number_of(address), !which);
}

static void explain(const unsigned char *frame, __u32 bytes, const struct model *model)
{
	tap_note("%u limits, action %u", model->class.limit_count, model->class.action);
	for (__u32 i = 0; i < model->class.limit_count; i++)
		tap_note("limit %u: %llu of unit %u", i, model->class.limits[i].max_units,
		         model->class.limits[i].unit);
	printf("# frame:");
	for (__u32 i = 0; i < bytes && i < 100; i++)
		printf(" %02x", frame[i]);
	printf("\n");
}

/* One frame through both. `counters` is what they were before, and after. */
static int agree(const struct loaded *loaded, struct model *model, const unsigned char *frame,
                 __u32 bytes, struct xrl_counter_pair *counters)
{
	struct model_verdict expected = model_judge(model, frame, bytes);
	struct xrl_counter_pair after[XRL_COUNTERS];
	int action = loaded_run(loaded, frame, bytes, NULL);
	int good;

	counters[expected.counter].packets++;
	counters[expected.counter].bytes += bytes;
	loaded_read_counters(loaded, after);
	good = action == expected.action && !memcmp(counters, after, sizeof(after));
	if (good)
		return 1;
	tap_note("action %d, expected %d and %s", action, expected.action,
	         loaded_counter_name(expected.counter));
	for (__u32 i = 0; i < XRL_COUNTERS; i++)
		if (memcmp(&counters[i], &after[i], sizeof(after[i])))
			tap_note("%s: %llu packets, expected %llu", loaded_counter_name(i),
			         after[i].packets, counters[i].packets);
	explain(frame, bytes, model);
	return 0;
}

static int run(struct loaded *loaded, struct model *model, __u32 frames,
               struct xrl_counter_pair *counters)
{
	static unsigned char frame[FRAME_ROOM];
	struct xrl_class class = {};
	__u32 epoch_frames = frames / EPOCHS + 1;

	for (__u32 i = 0; i < frames; i++) {
		__u32 bytes;

		if (i % epoch_frames == 0)
			next_policy(loaded, model, &class, i / epoch_frames);
		if (i % PERMIT_EVERY == 0)
			next_permit(loaded, model);
		bytes = next_frame(frame);
		if (!agree(loaded, model, frame, bytes, counters)) {
			tap_note("frame %u", i);
			return 0;
		}
	}
	return 1;
}

/* A generator that never got somewhere has tested nothing there. These two reasons need
 * another CPU and a full map; what needs an interface is in prog_table. */
static int is_reachable(__u32 counter)
{
	return counter != XRL_passed_limiter_failed && counter != XRL_passed_monitor_contention &&
	       counter != XRL_dropped_contention && counter < XRL_REDIRECTED_BASE;
}

static int reached_all(const struct xrl_counter_pair *counters)
{
	int good = 1;

	for (__u32 i = 0; i < XRL_COUNTERS; i++) {
		if (!is_reachable(i))
			continue;
		tap_note("%8llu %s", counters[i].packets, loaded_counter_name(i));
		good &= counters[i].packets >= LEAST_OF_A_COUNTER;
	}
	return good;
}

static void check_entry(enum loaded_entry entry, __u32 frames)
{
	struct loaded_options options = {.entry = entry, .sources = MANY_SOURCES};
	struct xrl_counter_pair counters[XRL_COUNTERS] = {};
	struct loaded loaded;
	struct model model;
	time_t start = time(NULL);

	if (!tap_ok(!loaded_open(&loaded, &options), "%s loads", loaded_entry_name(entry)))
		return;
	if (tap_ok(model_open(&model), "the model has memory")) {
		tap_ok(run(&loaded, &model, frames, counters),
		       "%s: the same as the model, %u frames", loaded_entry_name(entry), frames);
		tap_ok(reached_all(counters), "each verdict was reached %d times at the least",
		       LEAST_OF_A_COUNTER);
		tap_note("%u sources, %ld seconds", model.known_sources, time(NULL) - start);
		model_close(&model);
	}
	loaded_close(&loaded);
}

static __u64 choose_seed(int argc, char **argv)
{
	const char *text = argc > 1 ? argv[1] : getenv("SEED");

	return text ? strtoull(text, NULL, 0) : (__u64)time(NULL) << 20 ^ getpid();
}

static void stay_on_this_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

int main(int argc, char **argv)
{
	__u32 frames = argc > 2 ? strtoul(argv[2], NULL, 0) : FRAMES;

	random_state = choose_seed(argc, argv);
	tap_note("seed %llu", random_state);
	stay_on_this_cpu();
	for (enum loaded_entry entry = 0; entry < LOADED_ENTRIES; entry++)
		check_entry(entry, entry == LOADED_FRAGS ? frames : frames / 4);
	return tap_done();
}
