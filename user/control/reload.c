// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/control/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "user/config/policy_file.h"
#include "user/datapath/activate.h"
#include "user/datapath/link_check.h"
#include "user/datapath/pin_lock.h"
#include "user/util/file_stamp.h"

static enum exit_code lock_attached(struct reload *reload, const char *pin_dir)
{
	enum exit_code error = pin_lock(pin_dir, PIN_LOCK_WAIT_MS, &reload->lock);

	if (error == EXIT_NOT_FOUND)
		return fail(EXIT_NOT_FOUND, "xdp-ratelimit attach IF",
		            "the limiter is not attached to any interface (pin directory %s)",
		            pin_dir);
	if (error)
		return error;
	error = maps_open_attached(&reload->maps, pin_dir);
	return error ? error : link_check_maps(pin_dir);
}

static enum exit_code read_file(const char *path, bool must_exist, struct policy *policy)
{
	bool is_given;
	enum exit_code error = policy_file_read(path, must_exist, policy, &is_given);
	char hint[400];

	if (error || is_given)
		return error;
	snprintf(hint, sizeof(hint), "write it there, or name another file with --config%s",
	         must_exist ? "" : "; without a file the policy is that of attach");
	return fail(EXIT_FAILED, hint,
	            "there is no policy in %s: no section [limiter] or [class NAME]; nothing was "
	            "changed",
	            path);
}

static void begin(struct reload *reload)
{
	*reload = (struct reload){.lock = -1};
	for (int i = 0; i < MAP_IDS; i++)
		reload->maps.fds[i] = -1;
}

/* Whether anything can be put in force is looked at first: where not, the file doesn't matter. */
static enum exit_code read_and_lock(struct reload *reload, const char *pin_dir, const char *path,
                                    bool must_exist, struct policy *policy)
{
	enum exit_code error = lock_attached(reload, pin_dir);
	struct file_stamp mark = {};

	while (!error && file_stamp_changed(&mark, path)) {
		reload_close(reload);
		policy_free(policy);
		error = read_file(path, must_exist, policy);
		if (!error)
			error = lock_attached(reload, pin_dir);
	}
	return error;
}

enum exit_code reload_policy(struct reload *reload, const char *pin_dir, const char *path,
                             bool must_exist)
{
	struct policy policy = {};
	enum exit_code error;

	begin(reload);
	error = read_and_lock(reload, pin_dir, path, must_exist, &policy);
	if (!error)
		error = link_check_redirects(pin_dir, &policy);
	if (!error)
		error = activate_policy(&reload->maps, &policy, &reload->changed);
	if (policy.sources && policy.sources != maps_sources(&reload->maps))
		reload->sources = policy.sources;
	policy_free(&policy);
	return error;
}

void reload_close(struct reload *reload)
{
	maps_close(&reload->maps);
	if (reload->lock >= 0)
		close(reload->lock);
	reload->lock = -1;
}
