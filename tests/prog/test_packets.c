// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Packets as data: each row is a frame, the limits it meets, and what must become of it.
 * Exactly one counter moves, by one packet and the frame's length. */

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/bpf.h>
#include <bpf/bpf.h>

#include "tests/prog/cases/frames.h"
#include "tests/prog/cases/limits.h"
#include "tests/prog/cases/policies.h"
#include "tests/prog/cases/scoped.h"
#include "tests/prog/cases/transport.h"
#include "tests/tap.h"

#define LOOPBACK_IFINDEX 1
#define HOUR_NS          3600000000000ULL

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct row by_default = {DEFAULT};
static const struct row one_packet = {ONE_PACKET};
static const struct row one_connection = {ONE_CONNECTION};

static const struct xrl_address source = {{198, 51, 100, 7}};

static unsigned char frame[FRAME_ROOM];

static void put_in_force(struct loaded *loaded, const struct row *row)
{
	struct policy_text policy = *(row->policy ? row->policy : by_default.policy);

	for (int i = 0; i < POLICIES_CLASSES && row->mode; i++)
		policy.classes[i].action = row->mode;
	policies_publish(loaded, &policy);
	loaded_forget(loaded, source);
	if (row->is_permitted)
		loaded_permit(loaded, source, loaded_boot_ns() + HOUR_NS);
}

/* Unless it says where it comes from. */
static struct shape from_source(struct shape shape)
{
	static const struct xrl_address nobody;

	if (!memcmp(&shape.source, &nobody, sizeof(nobody)))
		shape.source = source;
	return shape;
}

static int send_shape(const struct loaded *loaded, const struct shape *shape, __u32 first_bytes)
{
	struct shape sent = from_source(*shape);
	__u32 bytes = frame_build(&sent, frame);

	if (first_bytes)
		return loaded_run_split(loaded, frame, bytes, first_bytes);
	return loaded_run(loaded, frame, bytes, NULL);
}

static __u32 bytes_of(const struct shape *shape)
{
	return frame_build(shape, frame);
}

/* Whether one counter moved, by one packet of this size, and no other one did. */
static int moved_only(const struct xrl_counter_pair *before, const struct xrl_counter_pair *after,
                      __u32 counter, __u32 bytes)
{
	int good = 1;

	for (__u32 i = 0; i < XRL_COUNTERS; i++) {
		__u64 packets = after[i].packets - before[i].packets;
		__u64 sum = after[i].bytes - before[i].bytes;

		if (packets == (i == counter) && sum == (i == counter ? bytes : 0))
			continue;
		tap_note("%s moved by %llu packets and %llu bytes", loaded_counter_name(i), packets,
		         sum);
		good = 0;
	}
	if (!good)
		tap_note("expected: %s, %u bytes", loaded_counter_name(counter), bytes);
	return good;
}

static int check(const struct loaded *loaded, const struct row *row)
{
	struct xrl_counter_pair before[XRL_COUNTERS], after[XRL_COUNTERS];
	int got;

	loaded_read_counters(loaded, before);
	got = send_shape(loaded, &row->shape, row->first_bytes);
	loaded_read_counters(loaded, after);
	if (got != (int)row->action)
		tap_note("action %d, expected %d", got, row->action);
	return (got == (int)row->action) &
	       moved_only(before, after, row->counter, bytes_of(&row->shape));
}

static int is_nothing(const struct shape *shape)
{
	static const struct shape nothing;

	return !memcmp(shape, &nothing, sizeof(nothing));
}

static int has_known_type(const struct shape *shape)
{
	return !shape->ethertype;
}

/* What comes before is of the row's own shape unless it says otherwise; where that isn't
 * IPv4, of a plain one. */
static const struct shape *first_of(const struct row *row)
{
	if (is_nothing(&row->first) && has_known_type(&row->shape) && !row->shape.tags[2])
		return &row->shape;
	return &row->first;
}

static void check_row(struct loaded *loaded, const struct row *row)
{
	put_in_force(loaded, row);
	for (int i = 0; i < row->before; i++)
		send_shape(loaded, first_of(row), 0);
	tap_ok(check(loaded, row), "%s: %s", row->text, loaded_counter_name(row->counter));
	if (row->is_permitted)
		loaded_permit(loaded, source, 0);
}

static __u32 least_transport_bytes(const struct shape *shape)
{
	if (shape->fragment & 0x1FFF)
		return 0;
	if (shape->protocol == IPPROTO_TCP)
		return 20;
	return shape->protocol == IPPROTO_ICMP ? 8 : 0;
}

/* What becomes of a shape that was cut to `bytes`. Either its header still claims what it
 * did, or it was told of the cut. */
static struct row expect_cut(const struct row *whole, __u32 bytes, int told)
{
	struct row row = *whole;
	__u32 link_bytes = frame_link_bytes(&row.shape);
	__u32 header_bytes = FRAME_IPV4_BYTES + row.shape.options_bytes;
	__u32 rest;

	row.shape.frame_bytes = bytes;
	if (bytes < link_bytes) {
		row.action = XDP_PASS;
		row.counter = XRL_passed_other;
		return row;
	}
	if (row.shape.ethertype || row.shape.tags[2])
		return row;

	rest = bytes - link_bytes;
	if (told && rest)
		row.shape.total_bytes = rest;
	if (rest >= FRAME_IPV4_BYTES && told && rest < header_bytes) {
		row.action = XDP_DROP;
		row.counter = XRL_dropped_malformed;
	} else if (!told || rest < header_bytes + least_transport_bytes(&row.shape)) {
		row.action = XDP_DROP;
		row.counter = XRL_dropped_truncated;
	}
	return row;
}

/* One point for a shape, whatever the lengths. */
static void check_cuts(struct loaded *loaded, const struct row *whole, int told)
{
	__u32 end = frame_header_bytes(&whole->shape);
	int good = 1;

	put_in_force(loaded, whole);
	for (__u32 bytes = FRAME_LINK_BYTES; bytes < end; bytes++) {
		struct row row = expect_cut(whole, bytes, told);

		if (check(loaded, &row))
			continue;
		tap_note("cut to %u of %u bytes", bytes, end);
		good = 0;
	}
	tap_ok(good, "%s: cut to every length from %d to %u%s", whole->text, FRAME_LINK_BYTES,
	       end - 1, told ? ", and says so" : "");
	tap_ok(check(loaded, whole), "%s: whole", whole->text);
}

/* Options of every length, of a SYN over its limit: what is behind them is still found. */
static void check_options(struct loaded *loaded)
{
	for (__u32 options = 0; options <= 40; options += 4) {
		struct row row = {
			"",
			{SYN, .options_bytes = options},
			DROPPED(connections_limit),
			ONE_CONNECTION,
			.before = 1,
		};
		char text[64];

		snprintf(text, sizeof(text), "%u bytes of IPv4 options", options);
		row.text = text;
		check_row(loaded, &row);
	}
}

/* Another address is another source, whichever octet differs. */
static void check_sources(struct loaded *loaded)
{

	put_in_force(loaded, &one_packet);
	send_shape(loaded, &one_packet.shape, 0);
	for (int octet = 0; octet < 4; octet++) {
		struct shape shape = {.source = source};
		__u32 bytes;

		shape.source.octets[octet] ^= 1;
		loaded_forget(loaded, shape.source);
		bytes = frame_build(&shape, frame);
		tap_ok(loaded_run(loaded, frame, bytes, NULL) == XDP_PASS &&
		               loaded_run(loaded, frame, bytes, NULL) == XDP_DROP,
		       "octet %d of the address makes another source", octet);
	}
}

/* A driver may leave any part of a frame, even all of it, to further buffers: a second SYN is
 * found to be one too many wherever the first buffer ends. */
static void check_splits(struct loaded *loaded)
{
	struct shape shape = {SYN, TAGS(VLAN), .options_bytes = 8, .payload_bytes = 900};
	__u32 bytes = frame_build(&shape, frame), end = frame_header_bytes(&shape);
	int good = 1;

	put_in_force(loaded, &one_connection);
	if (loaded_run_split(loaded, frame, bytes, end) == -EINVAL) {
		tap_ok(1, "frames split at any byte # SKIP test runs can't split frames here");
		return;
	}
	for (__u32 first_bytes = 0; first_bytes <= end; first_bytes++) {
		struct xrl_counter_pair before[XRL_COUNTERS], after[XRL_COUNTERS];
		int action;

		loaded_read_counters(loaded, before);
		action = loaded_run_split(loaded, frame, bytes, first_bytes);
		loaded_read_counters(loaded, after);
		if (action == XDP_DROP &&
		    after[XRL_dropped_connections_limit].bytes ==
		            before[XRL_dropped_connections_limit].bytes + bytes)
			continue;
		tap_note("%u of %u bytes in the first buffer: action %d", first_bytes, bytes,
		         action);
		good = 0;
	}
	tap_ok(good, "frames split at any byte of their headers are limited all the same");
}

/* The loopback interface will do: what is checked is where the program sends a frame. */
static int allow_redirects(const struct loaded *loaded)
{
	__u32 ifindex = LOOPBACK_IFINDEX;

	for (__u32 class = 0; class < XRL_COPIES * XRL_MAX_CLASSES; class ++)
		if (bpf_map_update_elem(loaded->redirects, &class, &ifindex, BPF_ANY))
			return 0;
	return 1;
}

static void check_rows(struct loaded *loaded, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_row(loaded, &rows[i]);
}

/* Where test runs can split frames. */
static void check_split_rows(struct loaded *loaded)
{
	__u32 bytes = frame_build(&split_rows[0].shape, frame);

	if (loaded_run_split(loaded, frame, bytes, FRAME_LINK_BYTES) == -EINVAL)
		tap_ok(1, "frames in two buffers # SKIP test runs can't split frames here");
	else
		check_rows(loaded, split_rows, COUNT(split_rows));
}

static void check_entry(enum loaded_entry entry)
{
	struct loaded_options options = {.entry = entry};
	struct loaded loaded;
	int error = loaded_open(&loaded, &options);

	if (!tap_ok(!error, "%s loads", loaded_entry_name(entry)))
		return;
	tap_ok(allow_redirects(&loaded), "redirects can be set");
	check_rows(&loaded, frame_rows, COUNT(frame_rows));
	check_rows(&loaded, limit_rows, COUNT(limit_rows));
	check_rows(&loaded, policy_rows, COUNT(policy_rows));
	check_rows(&loaded, separate_rows, COUNT(separate_rows));
	check_rows(&loaded, http_rows, COUNT(http_rows));
	if (entry == LOADED_FRAGS) {
		check_rows(&loaded, jumbo_rows, COUNT(jumbo_rows));
		check_split_rows(&loaded);
	}
	for (size_t i = 0; i < COUNT(cut_shapes); i++) {
		check_cuts(&loaded, &cut_shapes[i], 0);
		check_cuts(&loaded, &cut_shapes[i], 1);
	}
	check_options(&loaded);
	check_sources(&loaded);
	if (entry == LOADED_FRAGS)
		check_splits(&loaded);
	loaded_close(&loaded);
}

int main(void)
{
	for (enum loaded_entry entry = 0; entry < LOADED_ENTRIES; entry++) {
		tap_note("entry point %s", loaded_entry_name(entry));
		check_entry(entry);
	}
	return tap_done();
}
