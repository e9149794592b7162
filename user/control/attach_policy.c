// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/control/attach_policy.h"

#include <stdio.h>
#include <string.h>

#include "user/config/policy_file.h"
#include "user/datapath/activate.h"
#include "user/datapath/generation.h"

enum exit_code attach_policy_read(struct attach_policy *chosen, struct settings *settings,
                                  const struct attach_request *request)
{
	const char *path = request->config_path;
	char hint[400];
	enum exit_code error = policy_file_read_all(path, request->config_named, settings,
	                                            &chosen->policy, &chosen->is_of_file);

	if (error || !chosen->is_of_file || !attach_request_has_limits(request))
		return error;
	snprintf(hint, sizeof(hint),
	         "edit %.250s and run reload, or leave it out with --config /dev/null", path);
	return fail(EXIT_USAGE, hint,
	            "%s has a policy, so limits on the command line are not possible; nothing was "
	            "changed",
	            path);
}

/* Begins with the default class of the active policy, if that came from a command line, too: what
 * the request leaves out stays as it is. */
static void begin_with(struct policy *policy, struct maps *maps)
{
	__u32 generation, number;
	const struct xrl_policy *active = maps ? generation_policy(maps, &generation) : NULL;

	policy_free(policy);
	policy_set_default(policy);
	if (!active || active->file[0])
		return;
	number = active->default_class & (XRL_MAX_CLASSES - 1);
	policy->compiled->classes[0] = active->classes[number];
	policy->redirects[0] = generation_redirect(maps, generation, number);
}

static void set_limits(struct xrl_class *class, const struct attach_request *request)
{
	memcpy(class->limits, request->limits, sizeof(request->limits));
	memcpy(class->separate, request->scoped, sizeof(request->scoped));
	class->limit_count = request->limit_count;
	class->separate_count = request->scoped_count;
}

static void set_action(struct policy *policy, const struct action *action)
{
	policy->compiled->actions_replaced = policy->compiled->file[0] != '\0';
	for (__u32 i = 0; i < XRL_MAX_CLASSES; i++) {
		struct xrl_class *class = &policy->compiled->classes[i];

		if (!class->name[0])
			continue;
		action_apply(action, class);
		policy->redirects[i] = action->ifindex;
	}
}

enum exit_code attach_policy_compose(struct attach_policy *chosen, struct maps *maps,
                                     const struct attach_request *request)
{
	struct policy *policy = &chosen->policy;
	enum exit_code error = EXIT_DONE;
	__u32 generation;

	if (maps && !generation_policy(maps, &generation))
		return fail(EXIT_FAILED, "try again",
		            "cannot read the active policy; nothing was changed");
	if (attach_request_has_limits(request)) {
		begin_with(policy, maps);
		set_limits(&policy->compiled->classes[0], request);
		policy_derive(policy);
	} else if (!chosen->is_of_file && maps) {
		policy_free(policy);
		error = activate_copy_policy(maps, policy);
	}
	if (!error && request->has_action)
		set_action(policy, &request->action);
	return error;
}
