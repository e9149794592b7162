// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/permit_map.h"

#include <errno.h>
#include <bpf/bpf.h>

#include "include/permit.h"

int permit_map_set(const struct maps *maps, const struct xrl_address *address,
                   __u64 expires_boot_ns)
{
	struct xrl_permit permit = {.until_boot_ns = expires_boot_ns};
	int map = maps->fds[MAP_PERMITS];

	if (expires_boot_ns)
		return bpf_map_update_elem(map, address, &permit, BPF_ANY) ? -errno : 0;
	return bpf_map_delete_elem(map, address) && errno != ENOENT ? -errno : 0;
}

bool permit_map_get(const struct maps *maps, const struct xrl_address *address,
                    __u64 *expires_boot_ns)
{
	struct xrl_permit permit;

	if (bpf_map_lookup_elem(maps->fds[MAP_PERMITS], address, &permit))
		return false;
	*expires_boot_ns = permit.until_boot_ns;
	return true;
}

bool permit_map_next(const struct maps *maps, const struct xrl_address *previous,
                     struct xrl_address *address)
{
	return !bpf_map_get_next_key(maps->fds[MAP_PERMITS], previous, address);
}
