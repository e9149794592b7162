// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/policy/sources.h"

#include <bpf/libbpf.h>

#include "user/util/duration.h"

/* The kernel keeps free entries of an LRU map for each CPU, in batches of 128: on 6.1 a
 * map that is smaller than this holds as little as 5 % of its size. */
#define MIN_SOURCES_PER_CPU 256
#define MAX_SOURCES         (1u << 26)

int policy_parse_max_sources(const char *text, __u32 *sources,
                             const struct parse_error *parse_error)
{
	__u64 least = MIN_SOURCES_PER_CPU * (__u64)libbpf_num_possible_cpus(), number;
	const char *at = text;

	if (number_take(&at, &number) || *at || number < least || number > MAX_SOURCES)
		return parse_fail_value(parse_error, "sources", text,
		                        "expected a number from %llu (%d for each CPU) to %u",
		                        least, MIN_SOURCES_PER_CPU, MAX_SOURCES);
	*sources = number;
	return 0;
}
