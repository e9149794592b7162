// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/link_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <bpf/libbpf.h>

#include "user/datapath/link_info.h"
#include "user/datapath/pin_dir.h"
#include "user/datapath/program.h"

enum exit_code link_check_maps(const char *pin_dir)
{
	enum exit_code error = EXIT_DONE;
	char(*interfaces)[IF_NAMESIZE];
	int count = pin_dir_list_interfaces(pin_dir, &interfaces);

	for (int i = 0; i < count && !error; i++) {
		struct link_info info;

		link_info_read(pin_dir, interfaces[i], &info);
		if (info.state == LINK_ATTACHED && !info.uses_pinned_maps)
			error = fail(EXIT_FAILED, "run attach again to repair that",
			             "the program on %s does not use the maps pinned in %s, since "
			             "an attach was interrupted; nothing was changed",
			             interfaces[i], pin_dir);
	}
	free(interfaces);
	return error;
}

enum exit_code link_check_redirect(const char *interface, __u32 ifindex,
                                   const struct policy *policy)
{
	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++)
		if (policy->redirects[i] == ifindex)
			return fail(EXIT_FAILED, "edit its action",
			            "cannot redirect packets of class '%s' from %s back to %s; "
			            "nothing was changed",
			            policy->compiled->classes[i].name, interface, interface);
	return EXIT_DONE;
}

static bool redirects(const struct policy *policy)
{
	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++)
		if (policy->redirects[i])
			return true;
	return false;
}

static enum exit_code check_attached(const char *interface, const struct link_info *info,
                                     const struct policy *policy)
{
	if (info->state != LINK_ATTACHED)
		return EXIT_DONE;
	if (info->other_namespace)
		return fail(EXIT_BUSY, "run this where the limiter was attached",
		            "the policy redirects, and '%s' is in another network namespace; "
		            "nothing was changed",
		            interface);
	return link_check_redirect(interface, info->ifindex, policy);
}

enum exit_code link_check_redirects(const char *pin_dir, const struct policy *policy)
{
	enum exit_code error = EXIT_DONE;
	char(*interfaces)[IF_NAMESIZE] = NULL;
	int count = redirects(policy) ? pin_dir_list_interfaces(pin_dir, &interfaces) : 0;

	for (int i = 0; i < count && !error; i++) {
		struct link_info info;

		link_info_read(pin_dir, interfaces[i], &info);
		error = check_attached(interfaces[i], &info, policy);
	}
	free(interfaces);
	return error;
}

static enum exit_code report_foreign(const char *interface, __u32 program_id)
{
	struct bpf_prog_info program = {};

	if (!program_read_by_id(program_id, &program, NULL, 0))
		snprintf(program.name, sizeof(program.name), "unknown");
	else if (program_is_ours(&program))
		return fail(EXIT_BUSY,
		            "detach it first: under its old name if the interface was renamed (see "
		            "status), or with its --pin-dir",
		            "xdp-ratelimit is attached to %s already, id %u, under another name or "
		            "pin directory; nothing was changed",
		            interface, program_id);
	return fail(EXIT_BUSY,
	            "stop the service that attached it; see 'bpftool net' and 'bpftool link'",
	            "another XDP program is on %s: '%s', id %u; nothing was changed", interface,
	            program.name, program_id);
}

enum exit_code link_check_foreign(const char *interface, __u32 ifindex, __u32 our_program_id)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	__u32 ids[3];

	if (bpf_xdp_query(ifindex, 0, &query))
		return EXIT_DONE;
	ids[0] = query.drv_prog_id;
	ids[1] = query.skb_prog_id;
	ids[2] = query.hw_prog_id;
	for (int i = 0; i < 3; i++)
		if (ids[i] && ids[i] != our_program_id)
			return report_foreign(interface, ids[i]);
	return EXIT_DONE;
}
