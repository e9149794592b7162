// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tests/prog/lib/random_frame.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/prog/lib/frame.h"
#include "tests/tap.h"

__u64 random_state;

static struct xrl_address sources[RANDOM_SOURCES];

/* SplitMix64 */
__u64 random64(void)
{
	__u64 z = random_state += 0x9E3779B97F4A7C15ULL;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
	return z ^ z >> 31;
}

__u32 random_below(__u32 limit)
{
	return random64() % limit;
}

int one_in(__u32 chance)
{
	return !random_below(chance);
}

/* Near each other and far apart, so that prefixes of all lengths separate them. */
static struct xrl_address choose_source(__u32 i)
{
	struct xrl_address source = {{10, 0, random_below(4), random_below(12)}};

	if (i % 4 == 1)
		source.octets[1] = random_below(256);
	if (i % 4 == 2)
		source.octets[0] = random_below(256);
	if (i % 4 == 3)
		source = (struct xrl_address){{1 + random_below(255), random_below(256),
		                               random_below(256), random_below(256)}};
	return source;
}

void random_frame_seed(__u64 seed)
{
	random_state = seed;
	for (__u32 i = 0; i < RANDOM_SOURCES; i++)
		sources[i] = choose_source(i);
}

struct xrl_address random_address(void)
{
	return sources[one_in(2) ? random_below(RANDOM_SOURCES) : random_below(RANDOM_SOURCES / 8)];
}

__u16 random_port(void)
{
	static const __u16 ports[RANDOM_PORTS] = {53, 80, 443, 8080, 8443, 65535};

	return ports[random_below(RANDOM_PORTS)];
}

static struct frame_spec random_spec(void)
{
	static const __u16 tags[] = {0x8100, 0x88A8};
	static const __u16 types[] = {0x0806, 0x86DD, 0x88CC, 0x0100, 0x0800};
	static const __u8 protocols[] = {6, 6, 6, 6, 6, 6, 17, 17, 17, 1, 1, 1, 47, 132};
	static const __u8 icmp_types[] = {0, 8, 3, 3, 4, 5, 11, 12, 13, 2, 6, 10};
	static const __u8 tag_counts[] = {0, 0, 0, 0, 0, 1, 1, 2, 2, 3};
	static const char *const payloads[] = {
		"GET / HTTP/1.1\r\n",   "POST / HTTP/1.1\r\n",    "HEAD / HTTP/1.1\r\n",
		"PUT / HTTP/1.1\r\n",   "DELETE / HTTP/1.1\r\n",  "PATCH / HTTP/1.1\r\n",
		"TRACE / HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n", "CONNECT a:1 HTTP/1.1\r\n",
		"GETS / HTTP/1.1\r\n",  "HTTP/1.1 200 OK\r\n",    "SSH-2.0-OpenSSH\r\n",
	};
	__u32 tag_chance = random_below(sizeof(tag_counts));
	struct frame_spec spec = {.source = random_address()};

	for (__u32 i = 0; i < tag_counts[tag_chance]; i++)
		spec.tags[i] = tags[random_below(2)];
	if (one_in(8))
		spec.ethertype = types[random_below(5)];
	if (one_in(4))
		spec.options_bytes = 4 * random_below(11);
	if (one_in(6))
		spec.fragment = one_in(2) ? FRAME_MORE_FRAGMENTS : random_below(65536);
	spec.protocol = protocols[random_below(sizeof(protocols))];
	spec.tcp_flags = one_in(2) ? FRAME_SYN : random_below(256);
	spec.icmp_type = icmp_types[random_below(sizeof(icmp_types))];
	spec.payload_bytes = one_in(4) ? random_below(1400) : random_below(100);
	spec.destination_port = random_port();
	if (one_in(4))
		spec.tcp_options_bytes = 4 * random_below(11);
	if (!one_in(3))
		spec.payload = payloads[random_below(sizeof(payloads) / sizeof(payloads[0]))];
	return spec;
}

/* Chooses lengths around the boundaries of validity, and uniformly. */
static void spoil(struct frame_spec *spec)
{
	__u32 whole = frame_header_bytes(spec) + spec->payload_bytes;

	switch (random_below(6)) {
	case 0:
		spec->total_bytes = random_below(whole) + 1;
		break;
	case 1:
		spec->total_bytes = whole - frame_link_bytes(spec) + random_below(5) - 2;
		break;
	case 2:
		spec->version_ihl = random_below(256);
		break;
	case 3:
		spec->frame_bytes = FRAME_LINK_BYTES + random_below(whole);
		break;
	case 4:
		spec->frame_bytes = whole + random_below(100);
		break;
	default:
		spec->total_bytes = 20 + random_below(60);
	}
}

static void flip(unsigned char *frame, __u32 bytes)
{
	__u32 near = bytes < 80 ? bytes : 80;

	for (__u32 times = 1 + random_below(3); times; times--)
		frame[random_below(near)] ^= 1 << random_below(8);
}

static __u32 random_bytes(unsigned char *frame)
{
	__u32 bytes = FRAME_LINK_BYTES + random_below(120);
	struct xrl_address source;

	for (__u32 i = 0; i < bytes; i += 8) {
		__u64 word = random64();

		memcpy(frame + i, &word, 8);
	}
	if (one_in(2)) {
		frame[12] = 0x08;
		frame[13] = one_in(8) ? 6 : 0;
		frame[14] = one_in(4) ? frame[14] : 0x45 + random_below(2);
		frame[16] = 0;
		frame[17] = one_in(4) ? frame[17] : 20 + random_below(bytes);
		source = random_address();
		if (!one_in(8))
			memcpy(frame + 26, &source, sizeof(source));
	}
	return bytes;
}

__u32 random_frame(unsigned char *frame)
{
	struct frame_spec spec;
	__u32 bytes;

	if (one_in(10))
		return random_bytes(frame);
	spec = random_spec();
	if (one_in(4))
		spoil(&spec);
	bytes = frame_build(&spec, frame);
	if (one_in(5))
		flip(frame, bytes);
	return bytes;
}

void random_frame_run(int argc, char **argv, __u32 default_frames,
                      void (*check)(enum program_entry, __u32 frames))
{
	const char *text = argc > 1 ? argv[1] : getenv("SEED");
	__u64 seed = text ? strtoull(text, NULL, 0) : (__u64)time(NULL) << 20 ^ getpid();
	__u32 frames = argc > 2 ? strtoul(argv[2], NULL, 0) : default_frames;

	tap_note("seed %llu", seed);
	random_frame_seed(seed);
	pin_to_current_cpu();
	check(PROGRAM_FRAGS, frames);
	check(PROGRAM_SINGLE, frames / 3);
}
