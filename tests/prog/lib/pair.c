// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tests/prog/lib/pair.h"

#include <string.h>

#include <bpf/bpf.h>

#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/model.h"
#include "tests/tap.h"

#define LOOPBACK_IFINDEX 1
#define SLACK_NS         5000000000ULL

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int pair_open(struct pair *pair, enum program_entry entry)
{
	struct program_options options = {.entry = entry, .sources = PAIR_SOURCES};

	*pair = (struct pair){};
	return program_open(&pair->programs[FAST], &options) ||
	       program_open(&pair->programs[FULL], &options);
}

void pair_close(struct pair *pair)
{
	for (int pass = 0; pass < PASSES; pass++)
		program_close(&pair->programs[pass]);
}

static struct xrl_policy *active_policy(const struct program *program)
{
	return &program->policies[program->meta->generation & 1];
}

/* Has no effect unless a class redirects. */
static void set_target(const struct program *program, int has_target)
{
	static const __u8 to[6] = {2, 0, 0, 0, 0, 7}, from[6] = {2, 0, 0, 0, 0, 8};
	__u32 element = (program->meta->generation & 1) * XRL_MAX_CLASSES;
	struct xrl_class *class = active_policy(program)->classes;
	__u32 ifindex = LOOPBACK_IFINDEX;

	bpf_map_delete_elem(program->redirects, &element);
	if (!has_target)
		return;
	bpf_map_update_elem(program->redirects, &element, &ifindex, BPF_ANY);
	memcpy(class->redirect_destination_mac, to, sizeof(to));
	memcpy(class->redirect_source_mac, from, sizeof(from));
	class->redirect_readdress = 1;
}

/* Reads by how much the counters have increased since the last call. */
static void read_moved(struct pair *pair, enum pass pass, struct xrl_counter_pair *moved)
{
	struct xrl_counter_pair now[XRL_COUNTERS];

	program_read_counters(&pair->programs[pass], now);
	for (int i = 0; i < XRL_COUNTERS; i++) {
		moved[i].packets = now[i].packets - pair->seen[pass][i].packets;
		moved[i].bytes = now[i].bytes - pair->seen[pass][i].bytes;
	}
	memcpy(pair->seen[pass], now, sizeof(now));
}

/* No packet is in progress, so the active policy can be changed in place. */
void pair_activate(struct pair *pair, const struct pair_scenario *scenario)
{
	static const __u32 unused_wants[] = {XRL_WANTS_PORTS, XRL_WANTS_CONNECTIONS,
	                                     XRL_WANTS_HTTP};
	const struct xrl_limit *limit;

	for (int pass = 0; pass < PASSES; pass++) {
		program_activate(&pair->programs[pass], &scenario->policy);
		set_target(&pair->programs[pass], scenario->has_target);
		program_read_counters(&pair->programs[pass], pair->seen[pass]);
	}
	active_policy(&pair->programs[FULL])->wants =
		unused_wants[pair->policies++ % COUNT(unused_wants)];
	pair->fast_wants |= active_policy(&pair->programs[FAST])->wants;
	limit = &active_policy(&pair->programs[FAST])->classes[0].limits[0];
	pair->slack_ticks = (SLACK_NS >> limit->tick_shift) + 1;
}

static int is_open(const struct xrl_window *window)
{
	return window->used_units || window->opened_ticks;
}

/* The second program runs each packet later than the first, by a few seconds at most. */
static int is_same_window(const struct pair *pair, const struct xrl_window *one,
                          const struct xrl_window *other)
{
	__u32 skew = (other->opened_ticks - one->opened_ticks + pair->slack_ticks) & 0xFFFFFF;

	return one->used_units == other->used_units && is_open(one) == is_open(other) &&
	       skew <= 2 * pair->slack_ticks;
}

/* Ignores the fields that record when the clock was read. */
static int is_same_bucket(const struct pair *pair, const struct xrl_bucket *one,
                          const struct xrl_bucket *other)
{
	int good = one->resolved.generation == other->resolved.generation &&
	           one->resolved.class_number == other->resolved.class_number &&
	           one->resolved.has_permit == other->resolved.has_permit &&
	           !one->resolved.penalty_ticks == !other->resolved.penalty_ticks &&
	           one->permit_until_boot_ns == other->permit_until_boot_ns &&
	           is_same_window(pair, &one->icmp_errors, &other->icmp_errors);

	for (int i = 0; i < XRL_MAX_LIMITS; i++)
		good &= is_same_window(pair, &one->windows[i], &other->windows[i]);
	return good;
}

static int bucket_matches(const struct pair *pair, struct xrl_address address)
{
	struct xrl_bucket one, other;
	int has_one = program_read_bucket(&pair->programs[FAST], address, &one);
	int has_other = program_read_bucket(&pair->programs[FULL], address, &other);

	return has_one == has_other && (!has_one || is_same_bucket(pair, &one, &other));
}

int pair_buckets_match(const struct pair *pair)
{
	__u32 count[PASSES] = {};
	int good = 1;

	for (int pass = 0; pass < PASSES; pass++) {
		struct xrl_address address, *last = NULL;

		while (!bpf_map_get_next_key(pair->programs[pass].buckets, last, &address)) {
			last = &address;
			count[pass]++;
			good &= bucket_matches(pair, address);
		}
	}
	return good && count[FAST] && count[FAST] == count[FULL];
}

static void explain(const unsigned char *sent, __u32 bytes, __u32 first_bytes, const int *action,
                    struct xrl_counter_pair moved[PASSES][XRL_COUNTERS])
{
	tap_note("actions %d and %d, %u bytes, %u of them in the first buffer", action[FAST],
	         action[FULL], bytes, first_bytes ? first_bytes : bytes);
	for (int i = 0; i < XRL_COUNTERS; i++)
		if (moved[FAST][i].packets || moved[FULL][i].packets)
			tap_note("%s: %llu bytes, and %llu", counter_name(i), moved[FAST][i].bytes,
			         moved[FULL][i].bytes);
	printf("# frame:");
	for (__u32 i = 0; i < bytes && i < 80; i++)
		printf(" %02x", sent[i]);
	printf("\n");
}

/* Whether exactly one packet of that length was counted, by any counter. */
static int is_one_frame(const struct xrl_counter_pair *moved, __u32 bytes)
{
	__u64 packets = 0, sum = 0;

	for (int i = 0; i < XRL_COUNTERS; i++) {
		packets += moved[i].packets;
		sum += moved[i].bytes;
	}
	return packets == 1 && sum == bytes;
}

int pair_agree(struct pair *pair, const unsigned char *sent, __u32 bytes, __u32 first_bytes)
{
	struct model_frame parsed = model_parse(sent, bytes);
	struct xrl_counter_pair moved[PASSES][XRL_COUNTERS];
	static unsigned char out[PASSES][FRAME_ROOM];
	struct xrl_address address = {
		{parsed.address >> 24, parsed.address >> 16, parsed.address >> 8, parsed.address}};
	int action[PASSES], good;

	for (int pass = 0; pass < PASSES; pass++) {
		memcpy(out[pass], sent, bytes);
		action[pass] =
			first_bytes
				? program_run_split(&pair->programs[pass], sent, bytes, first_bytes)
				: program_run(&pair->programs[pass], sent, bytes, out[pass]);
		read_moved(pair, pass, moved[pass]);
	}
	good = action[FAST] == action[FULL] && !memcmp(out[FAST], out[FULL], bytes) &&
	       !memcmp(moved[FAST], moved[FULL], sizeof(moved[FAST]));
	/* of a multi-buffer frame, buffers without any of the packet may not be counted */
	if (action[FAST] >= 0 && !first_bytes)
		good &= is_one_frame(moved[FAST], bytes);
	if (parsed.kind == IPV4 || parsed.kind == ICMP_ERROR)
		good &= bucket_matches(pair, address);
	if (!good)
		explain(sent, bytes, first_bytes, action, moved);
	return good;
}
