/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Which packets a policy is about, when it names ports ("protect"): those that are sent to one
 * of them. A fragment that isn't the first one has no ports, and belongs to a protected packet
 * as far as anybody knows, if there is a port of its protocol among them. */

#include "bpf/parse/packet.h"
#include "bpf/verifier.h"
#include "include/policy.h"

static __always_inline int is_protected(const struct packet *packet, const struct xrl_ports *ports)
{
	if (packet->protocol == IPPROTO_TCP)
		return packet->has_ports
		               ? xrl_has_bit(ports->tcp, packet->destination_port, 1 << 16)
		               : !!(packet->wants & XRL_PROTECTS_TCP);
	if (packet->protocol == IPPROTO_UDP)
		return packet->has_ports
		               ? xrl_has_bit(ports->udp, packet->destination_port, 1 << 16)
		               : !!(packet->wants & XRL_PROTECTS_UDP);
	return 0;
}
