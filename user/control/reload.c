// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/control/reload.h"

#include <stdio.h>
#include <unistd.h>

#include "user/config/policy_file.h"
#include "user/datapath/activate.h"
#include "user/datapath/bpffs.h"
#include "user/datapath/link_check.h"
#include "user/datapath/pin_lock.h"
#include "user/util/file_stamp.h"

static enum exit_code lock_attached(struct reload_result *result, const char *pin_dir)
{
	enum exit_code error = pin_lock(pin_dir, PIN_LOCK_WAIT_MS, &result->lock);

	if (error == EXIT_NOT_FOUND)
		return fail(EXIT_NOT_FOUND, "xdp-ratelimit attach IF",
		            "the limiter is not attached to any interface (pin directory %s)",
		            pin_dir);
	if (error)
		return error;
	error = maps_open_attached(&result->maps, pin_dir);
	return error ? error : link_check_maps(pin_dir);
}

static enum exit_code read_file(const struct reload_request *request, struct policy *policy)
{
	bool is_given;
	enum exit_code error =
		policy_file_read(request->config_path, request->config_named, policy, &is_given);
	char hint[400];

	if (error || is_given)
		return error;
	snprintf(hint, sizeof(hint), "write it there, or name another file with --config%s",
	         request->config_named ? "" : "; without a file, attach sets the policy");
	return fail(EXIT_FAILED, hint,
	            "there is no policy in %s: no section [limiter] or [class NAME]; nothing was "
	            "changed",
	            request->config_path);
}

/* Locks first: if nothing is attached, the file doesn't matter. */
static enum exit_code read_and_lock(const struct reload_request *request,
                                    struct reload_result *result, struct policy *policy)
{
	enum exit_code error = lock_attached(result, request->pin_dir);
	struct file_stamp stamp = {};

	while (!error && file_stamp_changed(&stamp, request->config_path)) {
		reload_release(result);
		policy_free(policy);
		error = read_file(request, policy);
		if (!error)
			error = lock_attached(result, request->pin_dir);
	}
	return error;
}

enum exit_code reload(const struct reload_request *request, struct reload_result *result)
{
	struct policy policy = {};
	enum exit_code error = bpffs_check_system(false);

	*result = (struct reload_result){.lock = -1};
	maps_clear(&result->maps, request->pin_dir);
	if (!error)
		error = bpffs_prepare_pin_dir(request->pin_dir, false);
	if (!error)
		error = read_and_lock(request, result, &policy);
	if (!error)
		error = link_check_redirects(request->pin_dir, &policy);
	if (!error)
		error = activate_policy(&result->maps, &policy, &result->changed);
	if (!error && policy.sources && policy.sources != maps_sources(&result->maps))
		result->wanted_sources = policy.sources;
	policy_free(&policy);
	return error;
}

void reload_release(struct reload_result *result)
{
	maps_close(&result->maps);
	if (result->lock >= 0)
		close(result->lock);
	result->lock = -1;
}
