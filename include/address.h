/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The key of every map that is about a source: the address as it stands in the
 * IPv4 header (RFC 791, network order), so that bpftool prints [10,0,0,1]. */
struct xrl_address {
	__u8 octets[4];
};

_Static_assert(sizeof(struct xrl_address) == 4, "an IPv4 address has four octets");
