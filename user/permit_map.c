// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "permit_map.h"

#include <errno.h>
#include <bpf/bpf.h>

#include "../include/permit.h"

int permit_map_set(const struct instance *instance, const struct xrl_address *address,
                   __u64 until_boot_ns)
{
	struct xrl_permit permit = {.until_boot_ns = until_boot_ns};

	if (bpf_map_update_elem(instance->maps[SHARED_PERMITS], address, &permit, BPF_ANY))
		return -errno;
	return 0;
}

int permit_map_remove(const struct instance *instance, const struct xrl_address *address)
{
	if (bpf_map_delete_elem(instance->maps[SHARED_PERMITS], address) && errno != ENOENT)
		return -errno;
	return 0;
}

int permit_map_announce(const struct instance *instance)
{
	return instance_bump_generation(instance, 2);
}
