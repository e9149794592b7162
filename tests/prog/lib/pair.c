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

int pair_open(struct pair *pair, enum loaded_entry entry)
{
	struct loaded_options options = {.entry = entry, .sources = PAIR_SOURCES};

	*pair = (struct pair){};
	return loaded_open(&pair->loaded[USUAL], &options) ||
	       loaded_open(&pair->loaded[GENERAL], &options);
}

void pair_close(struct pair *pair)
{
	for (int way = 0; way < WAYS; way++)
		loaded_close(&pair->loaded[way]);
}

static struct xrl_policy *policy_in_force(const struct loaded *loaded)
{
	return &loaded->policies[loaded->meta->generation & 1];
}

/* Where no class is redirected, nobody looks. */
static void set_target(const struct loaded *loaded, int has_target)
{
	static const __u8 to[6] = {2, 0, 0, 0, 0, 7}, from[6] = {2, 0, 0, 0, 0, 8};
	__u32 element = (loaded->meta->generation & 1) * XRL_MAX_CLASSES;
	struct xrl_class *class = policy_in_force(loaded)->classes;
	__u32 ifindex = LOOPBACK_IFINDEX;

	bpf_map_delete_elem(loaded->redirects, &element);
	if (!has_target)
		return;
	bpf_map_update_elem(loaded->redirects, &element, &ifindex, BPF_ANY);
	memcpy(class->redirect_destination_mac, to, sizeof(to));
	memcpy(class->redirect_source_mac, from, sizeof(from));
	class->redirect_readdress = 1;
}

/* By how much the counters have moved since the last time. */
static void read_moved(struct pair *pair, enum way way, struct xrl_counter_pair *moved)
{
	struct xrl_counter_pair now[XRL_COUNTERS];

	loaded_read_counters(&pair->loaded[way], now);
	for (int i = 0; i < XRL_COUNTERS; i++) {
		moved[i].packets = now[i].packets - pair->seen[way][i].packets;
		moved[i].bytes = now[i].bytes - pair->seen[way][i].bytes;
	}
	memcpy(pair->seen[way], now, sizeof(now));
}

/* No packet is under way, so that what is in force may still be changed. */
void pair_publish(struct pair *pair, const struct pair_scene *scene)
{
	static const __u32 idle_wishes[] = {XRL_WANTS_PORTS, XRL_WANTS_CONNECTIONS, XRL_WANTS_HTTP};
	const struct xrl_limit *limit;

	for (int way = 0; way < WAYS; way++) {
		policies_publish(&pair->loaded[way], &scene->policy);
		set_target(&pair->loaded[way], scene->has_target);
		loaded_read_counters(&pair->loaded[way], pair->seen[way]);
	}
	policy_in_force(&pair->loaded[GENERAL])->wants =
		idle_wishes[pair->policies++ % COUNT(idle_wishes)];
	pair->wishes |= policy_in_force(&pair->loaded[USUAL])->wants;
	limit = &policy_in_force(&pair->loaded[USUAL])->classes[0].limits[0];
	pair->slack_ticks = (SLACK_NS >> limit->tick_shift) + 1;
}

static int is_open(const struct xrl_window *window)
{
	return window->used_units || window->opened_ticks;
}

/* One of the two is always later, and its clock with it: by no more than a few seconds. */
static int is_same_window(const struct pair *pair, const struct xrl_window *one,
                          const struct xrl_window *other)
{
	__u32 apart = (other->opened_ticks - one->opened_ticks + pair->slack_ticks) & 0xFFFFFF;

	return one->used_units == other->used_units && is_open(one) == is_open(other) &&
	       apart <= 2 * pair->slack_ticks;
}

/* But for what says when the clock was read. */
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

static int have_same_bucket(const struct pair *pair, struct xrl_address address)
{
	struct xrl_bucket one, other;
	int has_one = loaded_read_bucket(&pair->loaded[USUAL], address, &one);
	int has_other = loaded_read_bucket(&pair->loaded[GENERAL], address, &other);

	return has_one == has_other && (!has_one || is_same_bucket(pair, &one, &other));
}

int pair_have_same_buckets(const struct pair *pair)
{
	__u32 count[WAYS] = {};
	int good = 1;

	for (int way = 0; way < WAYS; way++) {
		struct xrl_address address, *last = NULL;

		while (!bpf_map_get_next_key(pair->loaded[way].buckets, last, &address)) {
			last = &address;
			count[way]++;
			good &= have_same_bucket(pair, address);
		}
	}
	return good && count[USUAL] && count[USUAL] == count[GENERAL];
}

static void explain(const unsigned char *sent, __u32 bytes, __u32 first_bytes, const int *action,
                    struct xrl_counter_pair moved[WAYS][XRL_COUNTERS])
{
	tap_note("actions %d and %d, %u bytes, %u of them in the first buffer", action[USUAL],
	         action[GENERAL], bytes, first_bytes ? first_bytes : bytes);
	for (int i = 0; i < XRL_COUNTERS; i++)
		if (moved[USUAL][i].packets || moved[GENERAL][i].packets)
			tap_note("%s: %llu bytes, and %llu", loaded_counter_name(i),
			         moved[USUAL][i].bytes, moved[GENERAL][i].bytes);
	printf("# frame:");
	for (__u32 i = 0; i < bytes && i < 80; i++)
		printf(" %02x", sent[i]);
	printf("\n");
}

/* Whichever counter it is. */
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
	struct xrl_counter_pair moved[WAYS][XRL_COUNTERS];
	static unsigned char out[WAYS][FRAME_ROOM];
	struct xrl_address address = {
		{parsed.address >> 24, parsed.address >> 16, parsed.address >> 8, parsed.address}};
	int action[WAYS], good;

	for (int way = 0; way < WAYS; way++) {
		memcpy(out[way], sent, bytes);
		action[way] =
			first_bytes ? loaded_run_split(&pair->loaded[way], sent, bytes, first_bytes)
				    : loaded_run(&pair->loaded[way], sent, bytes, out[way]);
		read_moved(pair, way, moved[way]);
	}
	good = action[USUAL] == action[GENERAL] && !memcmp(out[USUAL], out[GENERAL], bytes) &&
	       !memcmp(moved[USUAL], moved[GENERAL], sizeof(moved[USUAL]));
	/* of several buffers not all are always counted, where nothing of the packet is in them */
	if (action[USUAL] >= 0 && !first_bytes)
		good &= is_one_frame(moved[USUAL], bytes);
	if (parsed.kind == PLAIN || parsed.kind == ICMP_ERROR)
		good &= have_same_bucket(pair, address);
	if (!good)
		explain(sent, bytes, first_bytes, action, moved);
	return good;
}
