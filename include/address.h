/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The key of every per-source map: the address in network order, as the IPv4 header has it (RFC
 * 791). bpftool prints it as [10,0,0,1]. */
struct xrl_address {
	__u8 octets[4];
};

_Static_assert(sizeof(struct xrl_address) == 4, "an IPv4 address has four octets");
