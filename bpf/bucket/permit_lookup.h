/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A permit in the map. */

#include "bpf/clock.h"
#include "bpf/gate/set.h"
#include "bpf/maps.h"
#include "bpf/verifier.h"

/* Of a permit in force. One that has run out, but that nobody has taken away yet, is none: a
 * bucket that took it over would have to leave it again with each packet.
 *
 * Addresses by way of the stack: 6.1 takes no key from the argument of a function that it checks
 * by itself. */
static __always_inline __u64 permit_expires_ns(const struct xrl_address *source)
{
	struct xrl_address key = *source;
	const struct xrl_permit *permit = bpf_map_lookup_elem(&permits, &key);
	__u64 expires_ns = permit ? *(const volatile __u64 *)&permit->until_boot_ns : 0;

	return expires_ns && expires_ns > xrl_boot_ns() ? expires_ns : 0;
}

static __always_inline __u64 prefiltered_permit_expires_ns(const struct xrl_address *source)
{
	if (!meta.may_have_permits ||
	    !xrl_has_bit(flood.permits, xrl_permit_prefilter_bit(gate_hash(source)),
	                 1 << XRL_PERMIT_BITS))
		return 0;
	return permit_expires_ns(source);
}
