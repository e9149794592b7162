// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/control/attach_policy.h"

#include <stdio.h>
#include <string.h>

#include "user/config/policy_file.h"
#include "user/datapath/activate.h"
#include "user/datapath/generation.h"

enum exit_code attach_policy_read(struct attach_policy *chosen, struct settings *config,
                                  const struct globals *globals,
                                  const struct attach_options *options)
{
	const char *path = globals->config_path;
	char hint[400];
	enum exit_code error = policy_file_read_all(path, globals->config_named, config,
	                                            &chosen->policy, &chosen->is_of_file);

	if (error || !chosen->is_of_file)
		return error;
	snprintf(hint, sizeof(hint),
	         "edit %.250s and run reload, or leave it out with --config /dev/null", path);
	if (attach_options_have_limits(options))
		return fail(EXIT_USAGE, hint,
		            "%s has a policy, so limits on the command line are not possible; "
		            "nothing was changed",
		            path);
	return EXIT_DONE;
}

/* What isn't given stays as it is, if that was said on a command line, too. */
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

static void set_limits(struct xrl_class *class, const struct attach_options *options)
{
	memcpy(class->limits, options->limits, sizeof(options->limits));
	memcpy(class->separate, options->separate, sizeof(options->separate));
	class->limit_count = options->limit_count;
	class->separate_count = options->separate_count;
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
                                     const struct attach_options *options)
{
	struct policy *policy = &chosen->policy;
	enum exit_code error = EXIT_DONE;
	__u32 generation;

	if (maps && !generation_policy(maps, &generation))
		return fail(EXIT_FAILED, "try again",
		            "the policy in force can't be read; nothing was changed");
	if (attach_options_have_limits(options)) {
		begin_with(policy, maps);
		set_limits(&policy->compiled->classes[0], options);
		policy_derive(policy);
	} else if (!chosen->is_of_file && maps) {
		policy_free(policy);
		error = activate_copy_policy(maps, policy);
	}
	if (!error && options->has_action)
		set_action(policy, &options->action);
	return error;
}
