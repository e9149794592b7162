// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/output/policy_view.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/datapath/cidr_map.h"
#include "user/datapath/generation.h"
#include "user/policy/endpoint.h"

bool policy_view_open(struct policy_view *view, struct maps *maps)
{
	struct policy_cidr *cidrs;
	size_t count;

	*view = (struct policy_view){.maps = maps};
	view->policy = generation_policy(maps, &view->generation);
	if (!view->policy)
		return false;
	if (cidr_map_read(maps, view->generation & 1, &cidrs, &count))
		warn("cannot read the CIDRs of the active policy");
	for (size_t i = 0; i < count; i++)
		view->cidrs_of[cidrs[i].class_number & (XRL_MAX_CLASSES - 1)]++;
	free(cidrs);
	return true;
}

const char *policy_view_class_name(const struct policy_view *view, __u32 number)
{
	return number < XRL_MAX_CLASSES ? view->policy->classes[number].name : NULL;
}

__u32 policy_view_count_classes(const struct policy_view *view)
{
	__u32 count = 0;

	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++)
		count += view->policy->classes[i].name[0] != '\0';
	return count;
}

void policy_view_format_hash(const struct xrl_policy *policy, size_t bytes, char *text)
{
	for (size_t i = 0; i < bytes; i++)
		sprintf(text + 2 * i, "%02x", policy->sha256[i]);
}

const char *policy_view_format_action(const struct policy_view *view, __u32 number,
                                      char action[ACTION_TEXT_SIZE])
{
	action_format(&view->policy->classes[number],
	              generation_redirect(view->maps, view->generation, number), action,
	              ACTION_TEXT_SIZE);
	return action;
}

/* Calls `take` with each range of one protocol's ports. */
static void each_range(const __u8 *ports, __u8 protocol,
                       void (*take)(const char *text, void *context), void *context)
{
	char text[ENDPOINT_TEXT_SIZE];

	for (unsigned int first = 0, last; first < 65536; first = last + 1) {
		struct endpoint endpoint = {.protocol = protocol, .first_port = first};

		last = first;
		if (!port_is_set(ports, first))
			continue;
		while (last < 65535 && port_is_set(ports, last + 1))
			last++;
		endpoint.last_port = last;
		endpoint_format(&endpoint, text);
		take(text, context);
	}
}

void policy_view_each_protected(const struct policy_view *view,
                                void (*take)(const char *text, void *context), void *context)
{
	struct xrl_ports *ports = maps_mmap(view->maps, MAP_PROTECTED_PORTS, false);
	const struct xrl_ports *active = ports ? &ports[view->generation & 1] : NULL;

	if (active) {
		each_range(active->tcp, IPPROTO_TCP, take, context);
		each_range(active->udp, IPPROTO_UDP, take, context);
	}
	maps_munmap(ports, MAP_PROTECTED_PORTS);
}
