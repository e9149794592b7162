// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "user/cli/attach_options.h"
#include "user/cli/command.h"
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
#include "user/output/policy.h"
#include "user/output/policy_json.h"
#include "user/permits/permit.h"
#include "user/util/file_stamp.h"
#include "user/util/paths.h"

/* One interface of this run: named, or one whose program is to follow to new maps. */
struct target {
	char interface[IF_NAMESIZE];
	__u32 ifindex;
	struct link_info before;
	struct link_change change;
};

struct run {
	const struct globals *globals;
	struct attach_options options;
	struct attach_policy policy;
	struct permit_context permits;
	struct maps maps;
	struct target *targets;
	int target_count;
	bool was_attached; /* some interface obeys the policy that is there */
	bool had_policy;
};

static struct target *add_target(struct run *run, const char *interface, __u32 ifindex)
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

/* An interface that has gone and come again under the same name is a new one. */
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

static enum exit_code add_named_targets(struct run *run)
{
	enum exit_code error = EXIT_DONE;

	for (int i = 0; i < run->options.interface_count && !error; i++) {
		struct target *target =
			add_target(run, run->options.interfaces[i], run->options.ifindexes[i]);

		error = target ? check_target(target, run->options.mode) : EXIT_FAILED;
	}
	return error;
}

static bool is_named(const struct run *run, const char *interface)
{
	for (int i = 0; i < run->target_count; i++)
		if (!strcmp(run->targets[i].interface, interface))
			return true;
	return false;
}

/* The other interfaces of the pin directory. Those that run on other maps than the pinned
 * ones follow: after a change of layout, or when the command that made it was killed halfway.
 * All are in one network namespace, since an interface to redirect to is only a number. */
static enum exit_code add_other_targets(struct run *run)
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

static enum exit_code compose_policy(struct run *run)
{
	const struct attach_options *options = &run->options;

	if (run->was_attached && !generation_has_policy(&run->maps) &&
	    !generation_lacks_policy(&run->maps))
		return fail(EXIT_FAILED, "try again",
		            "the policy in force can't be read; nothing was changed");
	/* what a command left that was killed before it attached anything is nobody's wish */
	run->had_policy = run->was_attached && generation_has_policy(&run->maps);
	if (run->was_attached && !run->had_policy && !run->policy.is_of_file &&
	    (!attach_options_have_limits(options) || !options->has_action))
		warn("the policy of the other version can't be read: what --limit and --action "
		     "don't say is the default now");
	return attach_policy_compose(&run->policy, run->had_policy ? &run->maps : NULL, options);
}

/* Of those that are attached already and those that will be. */
static enum exit_code check_redirects(const struct run *run)
{
	enum exit_code error = link_check_redirects(run->maps.pin_dir, &run->policy.policy);

	for (int i = 0; i < run->target_count && !error; i++)
		error = link_check_redirect(run->targets[i].interface, run->targets[i].ifindex,
		                            &run->policy.policy);
	return error;
}

/* What was pinned before this run is none of its business, permits above all. */
static void remove_if_unused(const struct run *run)
{
	char(*interfaces)[IF_NAMESIZE];
	int count = pin_dir_list_interfaces(run->maps.pin_dir, &interfaces);

	free(interfaces);
	if (!count)
		pin_dir_remove_maps(run->maps.pin_dir, maps_pinned_permit_room(run->maps.pin_dir) &&
		                                               maps_may_hold_permits(&run->maps));
}

static enum exit_code prepare_targets(struct run *run)
{
	enum exit_code error = EXIT_DONE;

	for (int i = 0; i < run->target_count && !error; i++) {
		struct target *target = &run->targets[i];

		error = link_prepare(&run->maps, target->interface, target->ifindex,
		                     &target->before, run->options.mode, &target->change);
	}
	return error;
}

static enum exit_code commit_targets(struct run *run)
{
	enum exit_code error = EXIT_DONE;

	for (int i = 0; i < run->target_count && !error; i++)
		error = link_commit(&run->maps, run->targets[i].interface, &run->targets[i].before,
		                    &run->targets[i].change);
	return error;
}

/* Maps are filled before a program reads them. Then comes all that may be refused, and what
 * others obey changes only when none of it was: programs move to new maps, those maps take
 * the place of the pinned ones (whoever is killed in between leaves the old ones, with the
 * permits, and the next attach finds that the programs use others), and last the policy, which
 * was written to the copy that nobody obeys. */
static enum exit_code apply(struct run *run)
{
	bool pin_last = run->maps.incompatible, must_commit = false;
	enum exit_code error = compose_policy(run);

	if (!error)
		error = check_redirects(run);
	if (!error)
		error = pin_dir_make_room(run->globals->pin_dir);
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

static __u32 choose_sources(const struct run *run)
{
	__u32 there = maps_pinned_sources(run->maps.pin_dir);

	if (run->options.sources)
		return run->options.sources;
	if (run->policy.policy.sources)
		return run->policy.policy.sources;
	return there ? there : MAPS_DEFAULT_SOURCES;
}

/* Never less than there is: the room for permits shrinks only by detaching. */
static __u32 choose_permit_room(const struct run *run)
{
	__u32 there = maps_pinned_permit_room(run->maps.pin_dir);
	__u32 stored = permit_count_stored(run->permits.state_dir);
	__u32 room = run->permits.rules->max_permits;

	if (stored > room)
		warn("the store holds %u permits in force, more than the %u 'entries' of the "
		     "configuration: room is made for them all",
		     stored, room);
	room = room > stored ? room : stored;
	return room > there ? room : there;
}

/* Permits that can't be restored are no reason to leave a machine without its limits. Those that
 * the map holds already stay in force. */
static void restore_permits(struct run *run)
{
	struct failure failure = {};
	struct failure *usual = result_capture(&failure);
	enum exit_code error = permit_restore(&run->permits, &run->maps);

	result_capture(usual);
	if (error)
		warn("the permits of the store were not restored: %s%s%s", failure.message,
		     failure.hint[0] ? "; " : "", failure.hint);
}

static enum exit_code attach_locked(struct run *run)
{
	enum exit_code error = pin_check(run->maps.pin_dir);
	__u32 sources, room;

	if (error)
		return error;
	sources = choose_sources(run);
	room = choose_permit_room(run);
	maps_open(&run->maps, run->maps.pin_dir, sources, room);
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

/* What the file says of it isn't in force. */
static bool overrides_action(const struct run *run)
{
	const struct xrl_policy *policy = run->policy.policy.compiled;

	return run->options.has_action && policy && policy->file[0];
}

static void print_json(struct run *run)
{
	json_t *attached = json_array();

	for (int i = 0; i < run->target_count; i++) {
		const struct target *target = &run->targets[i];

		json_array_append_new(attached,
		                      json_pack("{s:s, s:s, s:b}", "interface", target->interface,
		                                "mode", attach_mode_name(target->change.mode),
		                                "replaced", target->before.state == LINK_ATTACHED));
	}
	result_print(json_pack("{s:o, s:o, s:b, s:b, s:I}", "attached", attached, "policy",
	                       policy_json(&run->maps), "action_overridden", overrides_action(run),
	                       "layout_changed", run->maps.incompatible, "permits",
	                       (json_int_t)maps_count_permits(&run->maps)));
}

static void print_text(const struct globals *globals, struct run *run)
{
	bool own_dir = strcmp(globals->pin_dir, DEFAULT_PIN_DIR);

	for (int i = 0; i < run->target_count; i++) {
		const struct target *target = &run->targets[i];

		printf("%-10s %s, %s mode%s\n", i ? "" : "attached", target->interface,
		       attach_mode_name(target->change.mode),
		       target->before.state == LINK_ATTACHED
		               ? ", program replaced in place; no packet went unfiltered"
		               : "");
	}
	policy_print(&run->maps);
	if (overrides_action(run))
		printf("note       the action is that of the command line, until the file is read "
		       "again\n");
	if (run->maps.created[MAP_BUCKETS] && run->maps.incompatible)
		printf("note       %s: buckets start anew; permits in force: %u\n",
		       run->maps.resized ? "the number of buckets changed"
		                         : "the maps' layout changed",
		       maps_count_permits(&run->maps));
	printf("undo       xdp-ratelimit%s%s detach", own_dir ? " --pin-dir " : "",
	       own_dir ? globals->pin_dir : "");
	for (int i = 0; i < run->options.interface_count; i++)
		printf(" %s", run->options.interfaces[i]);
	printf("\n");
}

/* The last detach removes the directory, perhaps between the two steps. */
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
	return fail(EXIT_BUSY, "try again", "the pin directory %s is removed again and again",
	            pin_dir);
}

static enum exit_code read_and_lock(struct run *run, struct settings *config, int *lock)
{
	const struct globals *globals = run->globals;
	enum exit_code error = EXIT_DONE;
	struct file_stamp mark = {};

	while (!error && file_stamp_changed(&mark, globals->config_path)) {
		if (*lock >= 0)
			close(*lock);
		*lock = -1;
		policy_free(&run->policy.policy);
		error = attach_policy_read(&run->policy, config, globals, &run->options);
		if (!error)
			error = lock_pin_dir(globals->pin_dir, lock);
	}
	if (error && mark.readings > 1)
		pin_dir_discard(globals->pin_dir); /* it may have been made for the first reading */
	return error;
}

static enum exit_code run_attach(const struct globals *globals, int argc, char **argv)
{
	struct settings config;
	struct run run = {.globals = globals,
	                  .permits = {.pin_dir = globals->pin_dir,
	                              .state_dir = globals->state_dir,
	                              .rules = &config.permits}};
	enum exit_code error;
	int lock = -1;

	for (int i = 0; i < MAP_IDS; i++)
		run.maps.fds[i] = -1;
	run.maps.pin_dir = globals->pin_dir;
	error = attach_options_read(&run.options, argc, argv);
	if (!error)
		error = bpffs_check_system(true);
	if (!error)
		error = read_and_lock(&run, &config, &lock);
	if (!error)
		error = attach_locked(&run);
	if (!error && globals->json)
		print_json(&run);
	else if (!error)
		print_text(globals, &run);
	for (int i = 0; i < run.target_count; i++)
		link_discard(&run.targets[i].change);
	maps_close(&run.maps);
	policy_free(&run.policy.policy);
	free(run.targets);
	if (lock >= 0)
		close(lock);
	return error;
}

const struct command attach_command = {
	.name = "attach",
	.usage = "attach IF... [--config FILE] [--limit LIMIT]... [--action ACTION] [--monitor] "
		 "[--mode auto|native|generic] [--sources N]",
	.summary = "limit what arrives on these interfaces, or change how; it stays until detach",
	.run = run_attach,
};
