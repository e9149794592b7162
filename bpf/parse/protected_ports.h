/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Which packets a policy is about, when it names ports ("protect"): those that are sent to one
 * of them. A fragment that isn't the first one has no ports, and belongs to a protected packet
 * as far as anybody knows, if there is a port of its protocol among them. */

#include "bpf/maps.h"
#include "bpf/parse/packet.h"

/* The barrier is for the verifier of 6.12 and older, which forgets that a port has 16 bits, as
 * the compiler remembers. */
static __always_inline int is_port_set(const __u8 *bits, __u32 port)
{
	asm volatile("" : "+r"(port));
	port &= 0xFFFF;
	return bits[port >> 3] >> (port & 7) & 1;
}

static __always_inline int is_protected(const struct packet *packet, __u32 copy)
{
	const struct xrl_ports *ports = &protected_ports[copy & 1];

	if (packet->protocol == IPPROTO_TCP)
		return packet->has_ports ? is_port_set(ports->tcp, packet->destination_port)
		                         : !!(packet->wants & XRL_PROTECTS_TCP);
	if (packet->protocol == IPPROTO_UDP)
		return packet->has_ports ? is_port_set(ports->udp, packet->destination_port)
		                         : !!(packet->wants & XRL_PROTECTS_UDP);
	return 0;
}
