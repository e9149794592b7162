/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The notation of test cases. */

#include <netinet/in.h>

#include <linux/bpf.h>

#include "tests/prog/lib/frame.h"
#include "tests/prog/lib/policy.h"

#define VLAN 0x8100
#define QINQ 0x88A8
#define ARP  0x0806
#define IPV6 0x86DD

#define TAGS(...)  .tags = {__VA_ARGS__}
#define SYN        .protocol = IPPROTO_TCP, .tcp_flags = FRAME_SYN
#define TCP(flags) .protocol = IPPROTO_TCP, .tcp_flags = (flags)
#define PING       .protocol = IPPROTO_ICMP, .icmp_type = 8
#define ICMP(type) .protocol = IPPROTO_ICMP, .icmp_type = (type)

#define UDP(port)    .protocol = IPPROTO_UDP, .destination_port = (port)
#define TCP_TO(port) .protocol = IPPROTO_TCP, .tcp_flags = FRAME_ACK, .destination_port = (port)
#define FROM(...)    .source = {{__VA_ARGS__}}
#define LATER        .fragment = FRAME_LAST_FRAGMENT

#define PASSED(name)     .action = XDP_PASS, .counter = XRL_passed_##name
#define MONITORED(name)  .action = XDP_PASS, .counter = XRL_passed_monitor_##name
#define DROPPED(name)    .action = XDP_DROP, .counter = XRL_dropped_##name
#define REDIRECTED(name) .action = XDP_REDIRECT, .counter = XRL_redirected_##name

/* A policy of one class, or of several. */
#define CLASS(...)                            \
	.policy = &(const struct policy_text) \
	{                                     \
		.classes = { {__VA_ARGS__} }  \
	}
#define POLICY(...)                           \
	.policy = &(const struct policy_text) \
	{                                     \
		__VA_ARGS__                   \
	}
#define LIMITS_OF(...) .limits = {__VA_ARGS__}

#define DEFAULT            CLASS(LIMITS_OF("10000/1s packets"))
#define TRUSTED            CLASS(LIMITS_OF(NULL))
#define ONE_PACKET         CLASS(LIMITS_OF("1/1h packets"))
#define TWO_PACKETS        CLASS(LIMITS_OF("2/1h packets"))
#define HUNDRED_BYTES      CLASS(LIMITS_OF("100/1h bytes"))
#define ONE_CONNECTION     CLASS(LIMITS_OF("1/1h connections"))
#define ONE_REQUEST        CLASS(LIMITS_OF("1/1h http-requests"))
#define ONE_ICMP_ERROR     CLASS(LIMITS_OF("100/1h packets"), .icmp_errors = "1/1h packets")
#define PACKETS_THEN_BYTES CLASS(LIMITS_OF("1/1h packets", "100/1h bytes"))
#define BYTES_THEN_PACKETS CLASS(LIMITS_OF("100/1h bytes", "1/1h packets"))
#define ALL_KINDS \
	CLASS(LIMITS_OF("4/1h packets", "400/1d bytes", "1/1m connections", "1000/1d packets"))

#define UDP_PORT CLASS(LIMITS_OF("1/1h packets endpoint udp/53"))

struct test_case {
	const char *text;
	struct frame_spec spec;
	enum xdp_action action;
	enum xrl_counter counter;
	const struct policy_text *policy; /* NULL: DEFAULT */
	enum xrl_action mode;             /* of all classes */
	int before;                       /* number of frames sent before, of this kind: */
	struct frame_spec first;
	int is_permitted;  /* the default source has a permit */
	__u16 first_bytes; /* length of the first buffer; 0: all */
};
