// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* Packets as data: each row is a frame, the limits it meets, and what must become of it.
 * Exactly one counter moves, by one packet and the frame's length. */

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/bpf.h>
#include <bpf/bpf.h>

#include "frames.h"
#include "loaded.h"
#include "tap.h"

#define VLAN             0x8100
#define QINQ             0x88A8
#define ARP              0x0806
#define IPV6             0x86DD
#define LOOPBACK_IFINDEX 1

#define TAGS(...)  .tags = {__VA_ARGS__}
#define SYN        .protocol = IPPROTO_TCP, .tcp_flags = FRAME_SYN
#define TCP(flags) .protocol = IPPROTO_TCP, .tcp_flags = (flags)
#define PING       .protocol = IPPROTO_ICMP, .icmp_type = 8
#define ICMP(type) .protocol = IPPROTO_ICMP, .icmp_type = (type)

#define PASSED(name)     .action = XDP_PASS, .counter = XRL_passed_##name
#define MONITORED(name)  .action = XDP_PASS, .counter = XRL_passed_monitor_##name
#define DROPPED(name)    .action = XDP_DROP, .counter = XRL_dropped_##name
#define REDIRECTED(name) .action = XDP_REDIRECT, .counter = XRL_redirected_##name

enum limits {
	DEFAULT,
	TRUSTED,
	ONE_PACKET,
	TWO_PACKETS,
	HUNDRED_BYTES,
	ONE_CONNECTION,
	ONE_ICMP_ERROR,
	NO_ICMP_BUT_ONE_PACKET,
	PACKETS_THEN_BYTES,
	BYTES_THEN_PACKETS,
	ALL_KINDS,
	LIMITS,
};

static const struct {
	const char *texts[XRL_MAX_LIMITS];
	const char *icmp_errors;
} limits[LIMITS] = {
	[DEFAULT] = {{"10000/1s packets"}, "100/1s packets"},
	[TRUSTED] = {{NULL}, "100/1h packets"},
	[ONE_PACKET] = {{"1/1h packets"}, "100/1h packets"},
	[TWO_PACKETS] = {{"2/1h packets"}, "2/1h packets"},
	[HUNDRED_BYTES] = {{"100/1h bytes"}, "100/1h packets"},
	[ONE_CONNECTION] = {{"1/1h connections"}, "100/1h packets"},
	[ONE_ICMP_ERROR] = {{"100/1h packets"}, "1/1h packets"},
	[NO_ICMP_BUT_ONE_PACKET] = {{"1/1h packets"}, "1/1h packets"},
	[PACKETS_THEN_BYTES] = {{"1/1h packets", "100/1h bytes"}, "1/1h packets"},
	[BYTES_THEN_PACKETS] = {{"100/1h bytes", "1/1h packets"}, "1/1h packets"},
	[ALL_KINDS] = {{"4/1h packets", "400/1d bytes", "1/1m connections", "1000/1d packets"},
                       "1/1h packets"},
};

struct row {
	const char *text;
	struct shape shape;
	enum xdp_action action;
	enum xrl_counter counter;
	enum limits limits;
	enum xrl_action mode;
	int before; /* so many frames come first, of this shape: */
	struct shape first;
};

static const struct row rows[] = {
	/* links */
	{"IPv4 as it comes", {.payload_bytes = 100}, PASSED(within_limits)},
	{"802.1Q", {TAGS(VLAN)}, PASSED(within_limits)},
	{"802.1ad", {TAGS(QINQ)}, PASSED(within_limits)},
	{"802.1ad around 802.1Q", {TAGS(QINQ, VLAN)}, PASSED(within_limits)},
	{"802.1Q around 802.1ad", {TAGS(VLAN, QINQ)}, PASSED(within_limits)},
	{"802.1Q twice", {TAGS(VLAN, VLAN)}, PASSED(within_limits)},
	{"802.1ad twice", {TAGS(QINQ, QINQ)}, PASSED(within_limits)},
	{"three tags are one too many", {TAGS(QINQ, VLAN, VLAN)}, PASSED(other)},
	{"three tags, over the limit",
         {TAGS(VLAN, VLAN, VLAN)},
         PASSED(other),
         ONE_PACKET,
         .before = 2},
	{"three tags around ARP", {TAGS(VLAN, VLAN, VLAN), .ethertype = ARP}, PASSED(other)},
	{"an 802.3 length instead of a type",
         {.ethertype = 46, .payload_bytes = 46},
         PASSED(other)},
	{"an 802.3 length behind a tag",
         {TAGS(VLAN), .ethertype = 46, .payload_bytes = 46},
         PASSED(other)},
	{"ethertype 65535", {.ethertype = 0xFFFF, .payload_bytes = 46}, PASSED(other)},
	{"the least 802.3 length of a type", {.ethertype = 0x0600}, PASSED(other)},
	{"LLDP", {.ethertype = 0x88CC, .payload_bytes = 50}, PASSED(other)},
	{"MPLS", {.ethertype = 0x8847, .payload_bytes = 50}, PASSED(other)},
	{"PPPoE", {.ethertype = 0x8864, .payload_bytes = 50}, PASSED(other)},
	{"a QinQ type of old, 0x9100", {.ethertype = 0x9100, .payload_bytes = 50}, PASSED(other)},
	{"ARP", {.ethertype = ARP, .payload_bytes = 28}, PASSED(arp)},
	{"ARP, padded", {.ethertype = ARP, .frame_bytes = 60}, PASSED(arp)},
	{"ARP without a body", {.ethertype = ARP}, PASSED(arp)},
	{"ARP behind a tag", {TAGS(VLAN), .ethertype = ARP, .payload_bytes = 28}, PASSED(arp)},
	{"ARP behind two tags",
         {TAGS(QINQ, VLAN), .ethertype = ARP, .payload_bytes = 28},
         PASSED(arp)},
	{"IPv6", {.ethertype = IPV6, .payload_bytes = 40}, PASSED(ipv6)},
	{"IPv6 without a body", {.ethertype = IPV6}, PASSED(ipv6)},
	{"IPv6 behind a tag", {TAGS(VLAN), .ethertype = IPV6, .payload_bytes = 40}, PASSED(ipv6)},
	{"IPv6 behind two tags",
         {TAGS(QINQ, VLAN), .ethertype = IPV6, .payload_bytes = 1280},
         PASSED(ipv6)},
	{"IPv6, IPv4 over its limit", {.ethertype = IPV6}, PASSED(ipv6), ONE_PACKET, .before = 3},

	/* protocols */
	{"UDP", {.protocol = IPPROTO_UDP}, PASSED(within_limits)},
	{"UDP without a payload",
         {.protocol = IPPROTO_UDP, .frame_bytes = 42},
         PASSED(within_limits)},
	{"UDP cut short by its sender: nobody reads its header",
         {.total_bytes = 21},
         PASSED(within_limits)},
	{"IPv4 with nothing in it", {.total_bytes = 20}, PASSED(within_limits)},
	{"TCP SYN", {SYN}, PASSED(within_limits)},
	{"TCP SYN with data", {SYN, .payload_bytes = 500}, PASSED(within_limits)},
	{"TCP SYN+ACK", {TCP(FRAME_SYN | FRAME_ACK)}, PASSED(within_limits)},
	{"TCP ACK", {TCP(FRAME_ACK)}, PASSED(within_limits)},
	{"TCP RST", {TCP(FRAME_RST)}, PASSED(within_limits)},
	{"TCP without flags", {TCP(0)}, PASSED(within_limits)},
	{"ICMP echo request", {PING, .payload_bytes = 56}, PASSED(within_limits)},
	{"ICMP echo reply", {ICMP(0)}, PASSED(within_limits)},
	{"ICMP timestamp", {ICMP(13)}, PASSED(within_limits)},
	{"ICMP router advertisement", {ICMP(9)}, PASSED(within_limits)},
	{"ICMP type 2", {ICMP(2)}, PASSED(within_limits)},
	{"ICMP type 6", {ICMP(6)}, PASSED(within_limits)},
	{"ICMP type 10", {ICMP(10)}, PASSED(within_limits)},
	{"ICMP type 255", {ICMP(255)}, PASSED(within_limits)},
	{"ICMP destination unreachable", {ICMP(3), .payload_bytes = 28}, PASSED(icmp_error)},
	{"ICMP source quench", {ICMP(4)}, PASSED(icmp_error)},
	{"ICMP redirect", {ICMP(5)}, PASSED(icmp_error)},
	{"ICMP time exceeded", {ICMP(11)}, PASSED(icmp_error)},
	{"ICMP parameter problem", {ICMP(12)}, PASSED(icmp_error)},
	{"ICMP error behind two tags and options",
         {TAGS(QINQ, VLAN), .options_bytes = 40, ICMP(3)},
         PASSED(icmp_error)},
	{"IGMP", {.protocol = IPPROTO_IGMP}, PASSED(within_limits)},
	{"GRE", {.protocol = IPPROTO_GRE}, PASSED(within_limits)},
	{"ESP", {.protocol = IPPROTO_ESP}, PASSED(within_limits)},
	{"SCTP", {.protocol = IPPROTO_SCTP}, PASSED(within_limits)},
	{"IPv6 in IPv4", {.protocol = IPPROTO_IPV6}, PASSED(within_limits)},
	{"protocol 255", {.protocol = 255}, PASSED(within_limits)},

	/* lengths */
	{"padding of the smallest frame",
         {.total_bytes = 28, .frame_bytes = 60},
         PASSED(within_limits)},
	{"padding behind a tag", {TAGS(VLAN), .frame_bytes = 64}, PASSED(within_limits)},
	{"padding beyond the smallest frame", {.frame_bytes = 61}, PASSED(within_limits)},
	{"a long tail behind the packet", {.frame_bytes = 1514}, PASSED(within_limits)},
	{"a frame of 1514", {.payload_bytes = 1472}, PASSED(within_limits)},
	{"the total length is 1 too large", {.total_bytes = 29}, DROPPED(truncated)},
	{"the total length is 1 too large, behind a tag",
         {TAGS(VLAN), .total_bytes = 29},
         DROPPED(truncated)},
	{"the total length is 65535",
         {.total_bytes = 65535, .frame_bytes = 1514},
         DROPPED(truncated)},
	{"the total length is 0", {.total_bytes = FRAME_TOTAL_ZERO}, DROPPED(malformed)},
	{"the total length is 19", {.total_bytes = 19}, DROPPED(malformed)},
	{"the total length ends in the options",
         {.options_bytes = 8, .total_bytes = 27},
         DROPPED(malformed)},
	{"the total length ends with the options",
         {.options_bytes = 8, .total_bytes = 28},
         PASSED(within_limits)},
	{"version 0", {.version_ihl = 0x05}, DROPPED(malformed)},
	{"version 5", {.version_ihl = 0x55}, DROPPED(malformed)},
	{"version 6", {.version_ihl = 0x65}, DROPPED(malformed)},
	{"version 15", {.version_ihl = 0xF5}, DROPPED(malformed)},
	{"version 6 behind two tags", {TAGS(QINQ, VLAN), .version_ihl = 0x65}, DROPPED(malformed)},
	{"header length 0", {.version_ihl = 0x40}, DROPPED(malformed)},
	{"header length 1", {.version_ihl = 0x41}, DROPPED(malformed)},
	{"header length 4", {.version_ihl = 0x44}, DROPPED(malformed)},
	{"header length 15 of a total of 28", {.version_ihl = 0x4F}, DROPPED(malformed)},
	{"malformed and too long: the header decides",
         {.version_ihl = 0x65, .total_bytes = 999},
         DROPPED(malformed)},
	{"TCP header cut off by the total length", {SYN, .total_bytes = 39}, DROPPED(truncated)},
	{"TCP with 0 bytes", {SYN, .total_bytes = 20}, DROPPED(truncated)},
	{"TCP with options of IPv4 and a byte too few",
         {SYN, .options_bytes = 4, .total_bytes = 43},
         DROPPED(truncated)},
	{"ICMP header cut off by the total length", {PING, .total_bytes = 27}, DROPPED(truncated)},
	{"ICMP with 0 bytes", {PING, .total_bytes = 20}, DROPPED(truncated)},

	/* fragments */
	{"the first fragment of UDP", {.fragment = FRAME_MORE_FRAGMENTS}, PASSED(within_limits)},
	{"a middle fragment", {.fragment = FRAME_MORE_FRAGMENTS | 100}, PASSED(within_limits)},
	{"the last fragment", {.fragment = FRAME_LAST_FRAGMENT}, PASSED(within_limits)},
	{"the farthest fragment", {.fragment = 0x1FFF}, PASSED(within_limits)},
	{"don't fragment", {.fragment = FRAME_DONT_FRAGMENT, SYN}, PASSED(within_limits)},
	{"the evil bit", {.fragment = 0x8000, SYN}, PASSED(within_limits)},
	{"the first fragment of TCP",
         {.fragment = FRAME_MORE_FRAGMENTS, SYN},
         PASSED(within_limits)},
	{"the first fragment of TCP without all of its header",
         {.fragment = FRAME_MORE_FRAGMENTS, SYN, .total_bytes = 36},
         DROPPED(truncated)},
	{"a later fragment of TCP may be small",
         {.fragment = FRAME_LAST_FRAGMENT, SYN, .total_bytes = 21},
         PASSED(within_limits)},
	{"a later fragment of ICMP may be small",
         {.fragment = FRAME_LAST_FRAGMENT, ICMP(3), .total_bytes = 21},
         PASSED(within_limits)},
	{"the first fragment of an ICMP error",
         {.fragment = FRAME_MORE_FRAGMENTS, ICMP(3)},
         PASSED(icmp_error)},
	{"a later fragment that looks like an ICMP error",
         {.fragment = FRAME_LAST_FRAGMENT, ICMP(3)},
         PASSED(within_limits)},
	{"a later fragment that looks like a SYN is no connection",
         {.fragment = FRAME_LAST_FRAGMENT, SYN},
         PASSED(within_limits),
         ONE_CONNECTION,
         .before = 1,
         .first = {SYN}},
	{"a first fragment with a SYN is a connection",
         {.fragment = FRAME_MORE_FRAGMENTS, SYN},
         DROPPED(connections_limit),
         ONE_CONNECTION,
         .before = 1,
         .first = {SYN}},
	{"fragments are packets",
         {.fragment = FRAME_LAST_FRAGMENT},
         DROPPED(packets_limit),
         ONE_PACKET,
         .before = 1},
	{"fragments are bytes",
         {.fragment = 9, .payload_bytes = 60},
         DROPPED(bytes_limit),
         HUNDRED_BYTES},

	/* limits */
	{"the first of 1 packet", {SYN}, PASSED(within_limits), ONE_PACKET},
	{"the second of 1 packet", {SYN}, DROPPED(packets_limit), ONE_PACKET, .before = 1},
	{"the tenth of 1 packet", {PING}, DROPPED(packets_limit), ONE_PACKET, .before = 9},
	{"the second of 2 packets", {SYN}, PASSED(within_limits), TWO_PACKETS, .before = 1},
	{"the third of 2 packets", {SYN}, DROPPED(packets_limit), TWO_PACKETS, .before = 2},
	{"tags don't make another source",
         {TAGS(VLAN)},
         DROPPED(packets_limit),
         ONE_PACKET,
         .before = 1},
	{"a class without limits", {SYN}, PASSED(within_limits), TRUSTED, .before = 50},
	{"a class without limits still limits ICMP errors",
         {ICMP(3)},
         DROPPED(icmp_errors_limit),
         TRUSTED,
         .before = 100,
         .first = {ICMP(3)}},
	{"100 bytes of 100", {.frame_bytes = 100}, PASSED(within_limits), HUNDRED_BYTES},
	{"101 bytes of 100", {.frame_bytes = 101}, DROPPED(bytes_limit), HUNDRED_BYTES},
	{"42 more of 100",
         {.frame_bytes = 42},
         PASSED(within_limits),
         HUNDRED_BYTES,
         .before = 1,
         .first = {.frame_bytes = 58}},
	{"42 more of 100, 59 used",
         {.frame_bytes = 42},
         DROPPED(bytes_limit),
         HUNDRED_BYTES,
         .before = 1,
         .first = {.frame_bytes = 59}},
	{"what was refused used up no bytes",
         {.frame_bytes = 42},
         PASSED(within_limits),
         HUNDRED_BYTES,
         .before = 5,
         .first = {.frame_bytes = 101}},
	{"padding is bytes", {.frame_bytes = 60}, DROPPED(bytes_limit), HUNDRED_BYTES, .before = 1},
	{"the second connection of 1",
         {SYN},
         DROPPED(connections_limit),
         ONE_CONNECTION,
         .before = 1},
	{"the second connection, behind options",
         {SYN, .options_bytes = 40},
         DROPPED(connections_limit),
         ONE_CONNECTION,
         .before = 1},
	{"the second connection, with ECN",
         {TCP(FRAME_SYN | 0xC0)},
         DROPPED(connections_limit),
         ONE_CONNECTION,
         .before = 1,
         .first = {SYN}},
	{"the second connection, SYN+FIN",
         {TCP(FRAME_SYN | FRAME_FIN)},
         DROPPED(connections_limit),
         ONE_CONNECTION,
         .before = 1,
         .first = {SYN}},
	{"SYN+ACK opens no connection",
         {TCP(FRAME_SYN | FRAME_ACK)},
         PASSED(within_limits),
         ONE_CONNECTION,
         .before = 3,
         .first = {SYN}},
	{"data belongs to a connection",
         {TCP(FRAME_ACK | FRAME_PSH)},
         PASSED(within_limits),
         ONE_CONNECTION,
         .before = 3,
         .first = {SYN}},
	{"UDP is no connection",
         {.protocol = 0},
         PASSED(within_limits),
         ONE_CONNECTION,
         .before = 3,
         .first = {SYN}},
	{"only SYNs are counted as connections",
         {SYN},
         PASSED(within_limits),
         ONE_CONNECTION,
         .before = 9,
         .first = {TCP(FRAME_ACK)}},
	{"the second ICMP error of 1",
         {ICMP(3)},
         DROPPED(icmp_errors_limit),
         ONE_ICMP_ERROR,
         .before = 1},
	{"the ICMP errors share one limit",
         {ICMP(12)},
         DROPPED(icmp_errors_limit),
         ONE_ICMP_ERROR,
         .before = 1,
         .first = {ICMP(3)}},
	{"ICMP echo isn't counted as an error",
         {PING},
         PASSED(within_limits),
         ONE_ICMP_ERROR,
         .before = 3,
         .first = {ICMP(3)}},
	{"an ICMP error gets through a packets limit",
         {ICMP(3)},
         PASSED(icmp_error),
         NO_ICMP_BUT_ONE_PACKET,
         .before = 5,
         .first = {SYN}},
	{"an ICMP error uses up no packets",
         {SYN},
         PASSED(within_limits),
         NO_ICMP_BUT_ONE_PACKET,
         .before = 5,
         .first = {ICMP(3)}},
	{"an ICMP error uses up no bytes",
         {.frame_bytes = 100},
         PASSED(within_limits),
         HUNDRED_BYTES,
         .before = 5,
         .first = {ICMP(3), .payload_bytes = 20}},
	{"the first limit that refuses is named: packets",
         {.frame_bytes = 100},
         DROPPED(packets_limit),
         PACKETS_THEN_BYTES,
         .before = 1},
	{"the first limit that refuses is named: bytes",
         {.frame_bytes = 100},
         DROPPED(bytes_limit),
         BYTES_THEN_PACKETS,
         .before = 1},
	{"of two limits the second refuses",
         {.frame_bytes = 101},
         DROPPED(bytes_limit),
         PACKETS_THEN_BYTES},
	{"of four limits the third refuses",
         {SYN},
         DROPPED(connections_limit),
         ALL_KINDS,
         .before = 1},
	{"of four limits the second refuses",
         {.frame_bytes = 200},
         DROPPED(bytes_limit),
         ALL_KINDS,
         .before = 2},
	{"of four limits the first refuses",
         {.frame_bytes = 42},
         DROPPED(packets_limit),
         ALL_KINDS,
         .before = 4},
	{"four limits, all allow",
         {.frame_bytes = 42},
         PASSED(within_limits),
         ALL_KINDS,
         .before = 3},
	{"truncated frames use up nothing",
         {SYN},
         PASSED(within_limits),
         ONE_PACKET,
         .before = 3,
         .first = {.total_bytes = 99}},
	{"malformed frames use up nothing",
         {SYN},
         PASSED(within_limits),
         ONE_PACKET,
         .before = 3,
         .first = {.version_ihl = 0x65}},

	/* actions */
	{"monitor: within limits", {SYN}, PASSED(within_limits), ONE_PACKET, XRL_MONITOR},
	{"monitor: packets", {SYN}, MONITORED(packets_limit), ONE_PACKET, XRL_MONITOR, .before = 1},
	{"monitor: bytes",
         {.frame_bytes = 101},
         MONITORED(bytes_limit),
         HUNDRED_BYTES,
         XRL_MONITOR},
	{"monitor: connections",
         {SYN},
         MONITORED(connections_limit),
         ONE_CONNECTION,
         XRL_MONITOR,
         .before = 1},
	{"monitor: ICMP errors",
         {ICMP(11)},
         MONITORED(icmp_errors_limit),
         ONE_ICMP_ERROR,
         XRL_MONITOR,
         .before = 1},
	{"monitor: truncated", {.total_bytes = 99}, MONITORED(truncated), DEFAULT, XRL_MONITOR},
	{"monitor: malformed", {.version_ihl = 0x65}, MONITORED(malformed), DEFAULT, XRL_MONITOR},
	{"monitor: ARP", {.ethertype = ARP}, PASSED(arp), DEFAULT, XRL_MONITOR},
	{"redirect: within limits", {SYN}, PASSED(within_limits), ONE_PACKET, XRL_REDIRECT},
	{"redirect: packets",
         {SYN},
         REDIRECTED(packets_limit),
         ONE_PACKET,
         XRL_REDIRECT,
         .before = 1},
	{"redirect: bytes",
         {.frame_bytes = 101},
         REDIRECTED(bytes_limit),
         HUNDRED_BYTES,
         XRL_REDIRECT},
	{"redirect: connections",
         {SYN},
         REDIRECTED(connections_limit),
         ONE_CONNECTION,
         XRL_REDIRECT,
         .before = 1},
	{"redirect: ICMP errors",
         {ICMP(11)},
         REDIRECTED(icmp_errors_limit),
         ONE_ICMP_ERROR,
         XRL_REDIRECT,
         .before = 1},
	{"redirect: truncated frames are dropped",
         {.total_bytes = 99},
         DROPPED(truncated),
         DEFAULT,
         XRL_REDIRECT},
	{"redirect: malformed frames are dropped",
         {.version_ihl = 0x65},
         DROPPED(malformed),
         DEFAULT,
         XRL_REDIRECT},
	{"redirect: IPv6", {.ethertype = IPV6}, PASSED(ipv6), DEFAULT, XRL_REDIRECT},
};

/* Frames of more than one buffer. */
static const struct row jumbo_rows[] = {
	{"9000 bytes", {.payload_bytes = 8958}, PASSED(within_limits)},
	{"9000 bytes behind a tag", {TAGS(VLAN), .payload_bytes = 8954}, PASSED(within_limits)},
	{"9000 bytes of IPv6", {.ethertype = IPV6, .payload_bytes = 8986}, PASSED(ipv6)},
	{"9000 bytes of something else",
         {.ethertype = 0x88CC, .payload_bytes = 8986},
         PASSED(other)},
	{"9000 bytes, most of them padding", {.frame_bytes = 9000}, PASSED(within_limits)},
	{"9000 bytes of which 8987 are claimed",
         {.total_bytes = 8987, .frame_bytes = 9000},
         DROPPED(truncated)},
	{"9000 bytes of which 8986 are claimed",
         {.total_bytes = 8986, .frame_bytes = 9000},
         PASSED(within_limits)},
	{"9000 malformed bytes", {.version_ihl = 0x65, .frame_bytes = 9000}, DROPPED(malformed)},
	{"9000 bytes are 9000 bytes", {.payload_bytes = 8958}, DROPPED(bytes_limit), HUNDRED_BYTES},
	{"9000 bytes are one packet",
         {.payload_bytes = 8958},
         PASSED(within_limits),
         TWO_PACKETS,
         .before = 1},
	{"9000 bytes are one packet too many",
         {.payload_bytes = 8958},
         DROPPED(packets_limit),
         TWO_PACKETS,
         .before = 2},
	{"9000 bytes, redirected",
         {.payload_bytes = 8958},
         REDIRECTED(packets_limit),
         ONE_PACKET,
         XRL_REDIRECT,
         .before = 1},
};

/* Each of these is also sent in all lengths that cut into its headers. */
static const struct row cut_shapes[] = {
	{"UDP", {.protocol = IPPROTO_UDP}, PASSED(within_limits)},
	{"TCP", {SYN}, PASSED(within_limits)},
	{"ICMP echo", {PING}, PASSED(within_limits)},
	{"ICMP error", {ICMP(3)}, PASSED(icmp_error)},
	{"802.1Q and TCP", {TAGS(VLAN), SYN}, PASSED(within_limits)},
	{"802.1ad and TCP", {TAGS(QINQ), SYN}, PASSED(within_limits)},
	{"802.1ad, 802.1Q and TCP", {TAGS(QINQ, VLAN), SYN}, PASSED(within_limits)},
	{"802.1Q, 802.1ad and ICMP error", {TAGS(VLAN, QINQ), ICMP(3)}, PASSED(icmp_error)},
	{"two tags, options and TCP",
         {TAGS(QINQ, VLAN), .options_bytes = 40, SYN},
         PASSED(within_limits)},
	{"options and UDP", {.options_bytes = 24}, PASSED(within_limits)},
	{"options and ICMP error", {.options_bytes = 4, ICMP(3)}, PASSED(icmp_error)},
	{"first fragment of TCP", {.fragment = FRAME_MORE_FRAGMENTS, SYN}, PASSED(within_limits)},
	{"later fragment of TCP", {.fragment = FRAME_LAST_FRAGMENT, SYN}, PASSED(within_limits)},
	{"later fragment of ICMP",
         {.fragment = FRAME_LAST_FRAGMENT, ICMP(3)},
         PASSED(within_limits)},
	{"two tags and ARP",
         {TAGS(QINQ, VLAN), .ethertype = ARP, .payload_bytes = 28},
         PASSED(arp)},
	{"two tags and IPv6",
         {TAGS(VLAN, VLAN), .ethertype = IPV6, .payload_bytes = 40},
         PASSED(ipv6)},
	{"three tags and UDP", {TAGS(VLAN, VLAN, VLAN)}, PASSED(other)},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct xrl_address source = {{198, 51, 100, 7}};

static unsigned char frame[FRAME_ROOM];

static void put_in_force(struct loaded *loaded, enum limits which, enum xrl_action mode)
{
	struct xrl_class class = loaded_class(limits[which].texts, limits[which].icmp_errors, mode);

	loaded_renew(loaded, &class);
	loaded_publish(loaded, &class);
	loaded_forget(loaded, source);
}

static int send_shape(const struct loaded *loaded, struct shape shape)
{
	__u32 bytes;

	shape.source = source;
	bytes = frame_build(&shape, frame);
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

static int check(const struct loaded *loaded, const struct shape *shape, int action, __u32 counter)
{
	struct xrl_counter_pair before[XRL_COUNTERS], after[XRL_COUNTERS];
	int got;

	loaded_read_counters(loaded, before);
	got = send_shape(loaded, *shape);
	loaded_read_counters(loaded, after);
	if (got != action)
		tap_note("action %d, expected %d", got, action);
	return (got == action) & moved_only(before, after, counter, bytes_of(shape));
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
	put_in_force(loaded, row->limits, row->mode);
	for (int i = 0; i < row->before; i++)
		send_shape(loaded, *first_of(row));
	tap_ok(check(loaded, &row->shape, row->action, row->counter), "%s: %s", row->text,
	       loaded_counter_name(row->counter));
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

	put_in_force(loaded, DEFAULT, XRL_DROP);
	for (__u32 bytes = FRAME_LINK_BYTES; bytes < end; bytes++) {
		struct row row = expect_cut(whole, bytes, told);

		if (check(loaded, &row.shape, row.action, row.counter))
			continue;
		tap_note("cut to %u of %u bytes", bytes, end);
		good = 0;
	}
	tap_ok(good, "%s: cut to every length from %d to %u%s", whole->text, FRAME_LINK_BYTES,
	       end - 1, told ? ", and says so" : "");
	tap_ok(check(loaded, &whole->shape, whole->action, whole->counter), "%s: whole",
	       whole->text);
}

/* Options of every length, of a SYN over its limit: what is behind them is still found. */
static void check_options(struct loaded *loaded)
{
	for (__u32 options = 0; options <= 40; options += 4) {
		struct row row = {
			"",
			{SYN, .options_bytes = options},
			DROPPED(connections_limit),
			.limits = ONE_CONNECTION,
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
	put_in_force(loaded, ONE_PACKET, XRL_DROP);
	send_shape(loaded, (struct shape){});
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

	put_in_force(loaded, ONE_CONNECTION, XRL_DROP);
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

	for (__u32 copy = 0; copy < XRL_CLASS_COPIES; copy++)
		if (bpf_map_update_elem(loaded->redirects, &copy, &ifindex, BPF_ANY))
			return 0;
	return 1;
}

static void check_entry(enum loaded_entry entry)
{
	struct loaded_options options = {.entry = entry};
	struct loaded loaded;
	int error = loaded_open(&loaded, &options);

	if (!tap_ok(!error, "%s loads", loaded_entry_name(entry)))
		return;
	tap_ok(allow_redirects(&loaded), "redirects can be set");
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row(&loaded, &rows[i]);
	for (size_t i = 0; i < COUNT(jumbo_rows) && entry == LOADED_FRAGS; i++)
		check_row(&loaded, &jumbo_rows[i]);
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
