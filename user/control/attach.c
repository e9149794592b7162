// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/control/attach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/control/attach_policy.h"
#include "user/datapath/activate.h"
#include "user/datapath/bpffs.h"
#include "user/datapath/generation.h"
#include "user/datapath/link.h"
#include "user/datapath/link_check.h"
#include "user/datapath/maps_create.h"
#include "user/datapath/pin_check.h"
#include "user/datapath/pin_dir.h"
#include "user/datapath/pin_lock.h"
#include "user/permits/permit.h"
#include "user/util/file_stamp.h"
#include "user/util/xalloc.h"

/* One interface of the transaction: named, or one whose program follows to new maps. */
struct target {
	char interface[IF_NAMESIZE];
	__u32 ifindex;
	struct link_info before;
	struct link_change change;
};

struct transaction {
	const struct attach_request *request;
	struct settings settings;
	struct attach_policy policy;
	struct permit_context permits;
	struct maps maps;
	struct target *targets;
	int target_count;
	bool was_attached; /* some interface runs with the pinned policy */
	bool had_policy;
	int lock;
};

/* ---- the interfaces ---- */

static struct target *add_target(struct transaction *run, const char *interface, __u32 ifindex)
{
	struct target *larger =
		realloc(run->targets, (run->target_count + 1) * sizeof(*run->targets));
	struct target *target;

	if (!larger) {
		fail(EXIT_FAILED, NULL, "out of memory");
		return NULL;
	}
	run->targets = larger;
	target = &larger[run->target_count++];
	*target = (struct target){.ifindex = ifindex, .change.link = -1};
	snprintf(target->interface, sizeof(target->interface), "%s", interface);
	link_info_read(run->maps.pin_dir, interface, &target->before);
	return target;
}

/* An interface that was removed and created again under the same name is a new one. */
static enum exit_code check_target(const struct target *target, enum attach_mode mode)
{
	const struct link_info *before = &target->before;

	if (before->state == LINK_FOREIGN)
		return fail(EXIT_FAILED, "choose another directory with --pin-dir",
		            "the pin '%s/link' is not a link of xdp-ratelimit; nothing was changed",
		            target->interface);
	if (before->state == LINK_ATTACHED && before->other_namespace)
		return fail(EXIT_BUSY, "choose another --pin-dir for this network namespace",
		            "'%s' is attached in another network namespace; nothing was changed",
		            target->interface);
	if (before->state == LINK_ATTACHED && before->ifindex != target->ifindex)
		return fail(
			EXIT_BUSY, "detach it first, under its old name",
			"the limiter that was attached to '%s' is now on '%s', which was renamed; "
			"nothing was changed",
			target->interface, before->name_now);
	if (before->state == LINK_ATTACHED && mode != MODE_AUTO && mode != before->mode)
		return fail(EXIT_BUSY, "detach it first: the kernel can't change the mode in place",
		            "%s is attached in %s mode; nothing was changed", target->interface,
		            attach_mode_name(before->mode));
	return link_check_foreign(target->interface, target->ifindex,
	                          before->state == LINK_ATTACHED ? before->program_id : 0);
}

static enum exit_code add_named_targets(struct transaction *run)
{
	const struct attach_request *request = run->request;
	enum exit_code error = EXIT_DONE;

	for (int i = 0; i < request->interface_count && !error; i++) {
		struct target *target =
			add_target(run, request->interfaces[i], request->ifindexes[i]);

		error = target ? check_target(target, request->mode) : EXIT_FAILED;
	}
	return error;
}

static bool is_named(const struct transaction *run, const char *interface)
{
	for (int i = 0; i < run->target_count; i++)
		if (!strcmp(run->targets[i].interface, interface))
			return true;
	return false;
}

/* Adds the other interfaces of the pin directory whose programs use maps that are not the pinned
 * ones: after a change of layout, or after an attach that was killed halfway. All interfaces are
 * in one network namespace, since a redirect names its target by index. */
static enum exit_code add_other_targets(struct transaction *run)
{
	char(*interfaces)[IF_NAMESIZE];
	int count = pin_dir_list_interfaces(run->maps.pin_dir, &interfaces);
	enum exit_code error = EXIT_DONE;

	for (int i = 0; i < count && !error; i++) {
		struct link_info info;

		link_info_read(run->maps.pin_dir, interfaces[i], &info);
		if (info.state == LINK_ATTACHED || info.state == LINK_GONE)
			run->was_attached = true;
		if (info.state != LINK_ATTACHED || is_named(run, interfaces[i]))
			continue;
		if (info.other_namespace)
			error = fail(EXIT_BUSY,
			             "choose another --pin-dir for this network namespace",
			             "the pin directory is in use for '%s' in another network "
			             "namespace; nothing was changed",
			             interfaces[i]);
		else if (!info.uses_pinned_maps || run->maps.incompatible)
			error = add_target(run, interfaces[i], info.ifindex) ? EXIT_DONE
			                                                     : EXIT_FAILED;
	}
	free(interfaces);
	return error;
}

static enum exit_code prepare_targets(struct transaction *run)
{
	enum exit_code error = EXIT_DONE;

	for (int i = 0; i < run->target_count && !error; i++) {
		struct target *target = &run->targets[i];

		error = link_prepare(&run->maps, target->interface, target->ifindex,
		                     &target->before, run->request->mode, &target->change);
	}
	return error;
}

static enum exit_code commit_targets(struct transaction *run)
{
	enum exit_code error = EXIT_DONE;

	for (int i = 0; i < run->target_count && !error; i++)
		error = link_commit(&run->maps, run->targets[i].interface, &run->targets[i].before,
		                    &run->targets[i].change);
	return error;
}

/* ---- the policy ---- */

static enum exit_code compose_policy(struct transaction *run)
{
	const struct attach_request *request = run->request;

	if (run->was_attached && !generation_has_policy(&run->maps) &&
	    !generation_lacks_policy(&run->maps))
		return fail(EXIT_FAILED, "try again",
		            "cannot read the active policy; nothing was changed");
	/* nobody asked for the policy of an attach that was killed before it attached anything */
	run->had_policy = run->was_attached && generation_has_policy(&run->maps);
	if (run->was_attached && !run->had_policy && !run->policy.is_of_file &&
	    (!attach_request_has_limits(request) || !request->has_action))
		warn("cannot read the policy of the other version: whatever --limit and --action "
		     "do not set is the default now");
	return attach_policy_compose(&run->policy, run->had_policy ? &run->maps : NULL, request);
}

/* Checks the interfaces that are attached and those that will be. */
static enum exit_code check_redirects(const struct transaction *run)
{
	enum exit_code error = link_check_redirects(run->maps.pin_dir, &run->policy.policy);

	for (int i = 0; i < run->target_count && !error; i++)
		error = link_check_redirect(run->targets[i].interface, run->targets[i].ifindex,
		                            &run->policy.policy);
	return error;
}

/* ---- the order of the steps ---- */

/* Maps are filled before a program reads them. All that may fail comes next. Only then does
 * anything change that attached programs obey: they move to new maps; those maps replace the
 * pinned ones (an attach killed in between leaves the old maps, with the permits, and the next
 * one finds that the programs use others); last comes the policy, written to the inactive copy. */
static enum exit_code apply(struct transaction *run)
{
	bool pin_last = run->maps.incompatible, must_commit = false;
	enum exit_code error = compose_policy(run);

	if (!error)
		error = check_redirects(run);
	if (!error)
		error = pin_dir_make_room(run->maps.pin_dir);
	if (!error)
		error = activate_prepare(&run->maps, &run->policy.policy, &must_commit);
	if (!error && must_commit && !run->had_policy)
		error = activate_commit(&run->maps);
	if (!error)
		error = prepare_targets(run);
	if (!error && !pin_last)
		error = maps_create_pins(&run->maps);
	if (!error)
		error = commit_targets(run);
	if (!error && pin_last)
		error = maps_create_pins(&run->maps);
	if (!error && must_commit && run->had_policy)
		error = activate_commit(&run->maps);
	return error;
}

static __u32 choose_sources(const struct transaction *run)
{
	__u32 pinned = maps_pinned_sources(run->maps.pin_dir);

	if (run->request->sources)
		return run->request->sources;
	if (run->policy.policy.sources)
		return run->policy.policy.sources;
	return pinned ? pinned : MAPS_DEFAULT_SOURCES;
}

/* Never less than the pinned map has: the room for permits shrinks only by a detach. */
static __u32 choose_permit_room(const struct transaction *run)
{
	__u32 pinned = maps_pinned_permit_room(run->maps.pin_dir);
	__u32 stored = permit_count_stored(run->permits.state_dir);
	__u32 room = run->settings.permits.max_permits;

	if (stored > room)
		warn("the store holds %u active permits, more than the %u 'entries' of the "
		     "configuration: the map gets room for all of them",
		     stored, room);
	room = room > stored ? room : stored;
	return room > pinned ? room : pinned;
}

/* A failure here is no reason to leave a machine without limits. Permits that the map holds
 * already stay active. */
static void restore_permits(struct transaction *run)
{
	struct failure failure = {};
	struct failure *outer = result_capture(&failure);
	enum exit_code error = permit_restore(&run->permits, &run->maps);

	result_capture(outer);
	if (error)
		warn("the permits of the store were not restored: %s%s%s", failure.message,
		     failure.hint[0] ? "; " : "", failure.hint);
}

/* Removes the maps after a failure, if nothing is attached. Permits that were pinned before stay.
 */
static void remove_if_unused(const struct transaction *run)
{
	char(*interfaces)[IF_NAMESIZE];
	int count = pin_dir_list_interfaces(run->maps.pin_dir, &interfaces);

	free(interfaces);
	if (!count)
		pin_dir_remove_maps(run->maps.pin_dir, maps_pinned_permit_room(run->maps.pin_dir) &&
		                                               maps_may_hold_permits(&run->maps));
}

static enum exit_code attach_locked(struct transaction *run)
{
	const char *pin_dir = run->request->pin_dir;
	enum exit_code error = pin_check(pin_dir);
	__u32 sources, room;

	if (error)
		return error;
	sources = choose_sources(run);
	room = choose_permit_room(run);
	maps_open(&run->maps, pin_dir, sources, room);
	error = add_named_targets(run);
	if (!error)
		error = add_other_targets(run);
	if (!error)
		error = maps_create_missing(&run->maps, sources, room);
	if (!error)
		restore_permits(run);
	if (!error)
		error = apply(run);
	if (error)
		remove_if_unused(run);
	return error;
}

/* A detach may remove the directory between the two steps. */
static enum exit_code lock_pin_dir(const char *pin_dir, int *lock)
{
	enum exit_code error;

	for (int attempt = 0; attempt < 100; attempt++) {
		error = bpffs_prepare_pin_dir(pin_dir, true);
		if (!error)
			error = pin_lock(pin_dir, PIN_LOCK_LONG_WAIT_MS, lock);
		if (error != EXIT_NOT_FOUND)
			return error;
	}
	return fail(EXIT_BUSY, "try again",
	            "other processes keep removing the pin directory %s; nothing was changed",
	            pin_dir);
}

static enum exit_code read_and_lock(struct transaction *run)
{
	const struct attach_request *request = run->request;
	enum exit_code error = EXIT_DONE;
	struct file_stamp stamp = {};

	while (!error && file_stamp_changed(&stamp, request->config_path)) {
		if (run->lock >= 0)
			close(run->lock);
		run->lock = -1;
		policy_free(&run->policy.policy);
		error = attach_policy_read(&run->policy, &run->settings, request);
		if (!error)
			error = lock_pin_dir(request->pin_dir, &run->lock);
	}
	if (error && stamp.readings > 1)
		pin_dir_discard(request->pin_dir); /* the first pass may have created it */
	return error;
}

static void fill_result(const struct transaction *run, struct attach_result *result)
{
	const struct xrl_policy *policy = run->policy.policy.compiled;

	result->links = xcalloc(run->target_count, sizeof(*result->links));
	result->link_count = run->target_count;
	for (int i = 0; i < run->target_count; i++) {
		struct attached_link *link = &result->links[i];

		strcpy(link->interface, run->targets[i].interface);
		link->mode = run->targets[i].change.mode;
		link->replaced = run->targets[i].before.state == LINK_ATTACHED;
	}
	result->action_overridden = run->request->has_action && policy && policy->file[0];
	result->buckets_restarted = run->maps.created[MAP_BUCKETS] && run->maps.incompatible;
	result->permits = maps_count_permits(&run->maps);
}

enum exit_code attach(const struct attach_request *request, struct attach_result *result)
{
	struct transaction run = {.request = request, .lock = -1};
	enum exit_code error;

	*result = (struct attach_result){.lock = -1};
	maps_clear(&result->maps, request->pin_dir);
	maps_clear(&run.maps, request->pin_dir);
	run.permits = (struct permit_context){.pin_dir = request->pin_dir,
	                                      .state_dir = request->state_dir,
	                                      .rules = &run.settings.permits};
	error = bpffs_check_system(true);
	if (!error)
		error = read_and_lock(&run);
	if (!error)
		error = attach_locked(&run);
	if (!error)
		fill_result(&run, result);
	for (int i = 0; i < run.target_count; i++)
		link_discard(&run.targets[i].change);
	policy_free(&run.policy.policy);
	free(run.targets);
	result->maps = run.maps;
	result->lock = run.lock;
	if (error)
		attach_release(result);
	return error;
}

void attach_release(struct attach_result *result)
{
	maps_close(&result->maps);
	free(result->links);
	result->links = NULL;
	if (result->lock >= 0)
		close(result->lock);
	result->lock = -1;
}
