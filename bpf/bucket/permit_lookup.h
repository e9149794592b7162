/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The permit of a source in the map `permits`. */

#include "bpf/clock.h"
#include "bpf/gate/set.h"
#include "bpf/maps.h"
#include "bpf/verifier.h"

/* Returns when the permit expires, in ns of CLOCK_BOOTTIME, or 0 if there is none. An expired
 * permit that the loader has not purged yet does not count: a bucket that adopted it would have to
 * expire it with every packet.
 *
 * The key is copied to the stack: 6.1 accepts no key from an argument of a global function. */
static __always_inline __u64 permit_expires_ns(const struct xrl_address *source)
{
	struct xrl_address key = *source;
	const struct xrl_permit *permit = bpf_map_lookup_elem(&permits, &key);
	__u64 expires_ns = permit ? *(const volatile __u64 *)&permit->until_boot_ns : 0;

	return expires_ns && expires_ns > xrl_boot_ns() ? expires_ns : 0;
}

/* The same, without a lookup for the sources that the prefilter rules out: most of them. */
static __always_inline __u64 prefiltered_permit_expires_ns(const struct xrl_address *source)
{
	if (!meta.may_have_permits ||
	    !xrl_has_bit(flood.permits, xrl_permit_prefilter_bit(gate_hash(source)),
	                 1 << XRL_PERMIT_BITS))
		return 0;
	return permit_expires_ns(source);
}
