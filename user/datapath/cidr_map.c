// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/cidr_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <bpf/bpf.h>

#include "user/datapath/inner_map.h"
#include "user/util/xalloc.h"

static int fill_one_by_one(int map, const struct policy *policy)
{
	for (size_t i = 0; i < policy->cidr_count; i++)
		if (bpf_map_update_elem(map, &policy->cidrs[i].cidr, &policy->cidrs[i].class_number,
		                        BPF_ANY))
			return -errno;
	return 0;
}

/* One system call, if the kernel supports that for this kind of map. */
static int fill(int map, const struct policy *policy)
{
	__u32 count = policy->cidr_count, done = count;
	struct xrl_cidr *keys = xcalloc(count, sizeof(*keys));
	__u32 *values = xcalloc(count, sizeof(*values));
	int error = 0;

	for (__u32 i = 0; i < count; i++) {
		keys[i] = policy->cidrs[i].cidr;
		values[i] = policy->cidrs[i].class_number;
	}
	if (bpf_map_update_batch(map, keys, values, &done, NULL) || done != count)
		error = fill_one_by_one(map, policy);
	free(keys);
	free(values);
	return error;
}

int cidr_map_make(const struct policy *policy)
{
	int map = inner_map_make(INNER_CIDRS, policy->cidr_count);
	int error = map < 0 ? map : fill(map, policy);

	if (!error)
		return map;
	if (map >= 0)
		close(map);
	return error;
}

int cidr_map_read(const struct maps *maps, __u32 copy, struct policy_cidr **cidrs, size_t *count)
{
	int map = inner_map_open(maps, INNER_CIDRS, copy);
	struct xrl_cidr cidr, *previous = NULL;

	*cidrs = NULL;
	*count = 0;
	if (map < 0)
		return map == -ENOENT ? 0 : map;
	while (!bpf_map_get_next_key(map, previous, &cidr)) {
		struct policy_cidr *entry;

		previous = &cidr;
		*cidrs = xgrow_array(*cidrs, *count, sizeof(**cidrs));
		entry = &(*cidrs)[*count];
		entry->cidr = cidr;
		if (!bpf_map_lookup_elem(map, &cidr, &entry->class_number))
			*count += 1;
	}
	close(map);
	return 0;
}

static bool has_address(const struct xrl_cidr *cidr, const struct xrl_address *address)
{
	__u32 mask = cidr->prefix_bits ? ~0U << (32 - cidr->prefix_bits) : 0, prefix, word;

	memcpy(&prefix, &cidr->address, sizeof(prefix));
	memcpy(&word, address, sizeof(word));
	return (ntohl(prefix ^ word) & mask) == 0;
}

/* Whether any prefix contains the address, by the kernel's look-up. */
static bool is_in_any(const struct maps *maps, __u32 copy, const struct xrl_address *address)
{
	const struct xrl_cidr key = {.prefix_bits = 32, .address = *address};
	int map = inner_map_open(maps, INNER_CIDRS, copy);
	__u32 class_number;
	bool is_in = map >= 0 && !bpf_map_lookup_elem(map, &key, &class_number);

	if (map >= 0)
		close(map);
	return is_in;
}

/* A look-up returns the class but not the prefix, so this reads all of them. */
bool cidr_map_find(const struct maps *maps, __u32 copy, const struct xrl_address *address,
                   struct policy_cidr *found)
{
	struct policy_cidr *cidrs;
	bool is_found = false;
	size_t count;

	if (!is_in_any(maps, copy, address) || cidr_map_read(maps, copy, &cidrs, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!has_address(&cidrs[i].cidr, address) ||
		    (is_found && cidrs[i].cidr.prefix_bits < found->cidr.prefix_bits))
			continue;
		*found = cidrs[i];
		is_found = true;
	}
	free(cidrs);
	return is_found;
}
