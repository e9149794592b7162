/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Protected ports ("protect"): the policy then limits only packets sent to one of them. A later
 * fragment has no ports; it counts as protected if any port of its protocol is. */

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
