// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "attach_options.h"
#include "class.h"
#include "command.h"
#include "policy_output.h"
#include "system.h"

/* One interface of this run: named, or one whose program is to follow to new maps. */
struct target {
	char interface[IF_NAMESIZE];
	__u32 ifindex;
	struct interface_info before;
	enum attach_mode mode;
	bool done;
};

struct run {
	struct attach_options options;
	struct instance instance;
	struct target *targets;
	int target_count;
	unsigned int carried_permits;
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
	*target = (struct target){.ifindex = ifindex, .mode = run->options.mode};
	snprintf(target->interface, sizeof(target->interface), "%s", interface);
	interface_read(run->instance.pin_dir, interface, &target->before);
	return target;
}

/* An interface that has gone and come again under the same name is a new one. */
static enum exit_code check_target(struct target *target)
{
	struct interface_info *before = &target->before;

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
	if (before->state == LINK_ATTACHED && target->mode != MODE_AUTO &&
	    target->mode != before->mode)
		return fail(EXIT_BUSY, "detach it first: the kernel can't change the mode in place",
		            "%s is attached in %s mode; nothing was changed", target->interface,
		            attach_mode_name(before->mode));
	return interface_check_foreign(target->interface, target->ifindex,
	                               before->state == LINK_ATTACHED ? before->program_id : 0);
}

static enum exit_code add_named_targets(struct run *run)
{
	enum exit_code error = EXIT_DONE;

	for (int i = 0; i < run->options.interface_count && !error; i++) {
		struct target *target =
			add_target(run, run->options.interfaces[i], run->options.ifindexes[i]);

		error = target ? check_target(target) : EXIT_FAILED;
	}
	return error;
}

static __u32 map_id(int fd)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

static bool is_named(const struct run *run, const char *interface)
{
	for (int i = 0; i < run->target_count; i++)
		if (!strcmp(run->targets[i].interface, interface))
			return true;
	return false;
}

/* Interfaces that run on other buckets than the pinned ones follow, too: after a change of
 * layout, or when the command that made it was killed halfway. */
static enum exit_code add_strayed_targets(struct run *run)
{
	__u32 id = map_id(run->instance.maps[SHARED_BUCKETS]);
	char(*interfaces)[IF_NAMESIZE];
	int count = pins_list_interfaces(run->instance.pin_dir, &interfaces);
	enum exit_code error = EXIT_DONE;

	for (int i = 0; i < count && !error; i++) {
		struct interface_info info;

		interface_read(run->instance.pin_dir, interfaces[i], &info);
		if (info.state != LINK_ATTACHED || info.buckets_map_id == id ||
		    is_named(run, interfaces[i]))
			continue;
		if (!add_target(run, interfaces[i], info.ifindex))
			error = EXIT_FAILED;
	}
	free(interfaces);
	return error;
}

/* What was asked for; for the rest what is in force; else the default. */
static __u32 compose_policy(struct run *run, struct xrl_class *class)
{
	const struct attach_options *options = &run->options;
	__u32 redirect = 0, generation;

	run->had_policy = instance_read_policy(&run->instance, class, &redirect, &generation);
	if (!run->had_policy)
		class_set_default(class);
	if (options->limit_count) {
		memset(class->limits, 0, XRL_MAX_LIMITS * sizeof(class->limits[0]));
		memcpy(class->limits, options->limits,
		       options->limit_count * sizeof(class->limits[0]));
		class->limit_count = options->limit_count;
	}
	class_finish(class);
	if (options->has_action) {
		action_apply(&options->action, class);
		redirect = options->action.ifindex;
	}
	return redirect;
}

static void undo(struct run *run)
{
	char(*interfaces)[IF_NAMESIZE];
	int count;

	for (int i = 0; i < run->target_count; i++)
		if (run->targets[i].done && run->targets[i].before.state != LINK_ATTACHED)
			interface_detach(run->instance.pin_dir, run->targets[i].interface);
	count = pins_list_interfaces(run->instance.pin_dir, &interfaces);
	free(interfaces);
	if (!count)
		pins_remove_shared(run->instance.pin_dir,
		                   instance_count_permits(&run->instance) > 0);
}

static enum exit_code attach_targets(struct run *run)
{
	enum exit_code error = EXIT_DONE;

	for (int i = 0; i < run->target_count && !error; i++) {
		struct target *target = &run->targets[i];

		if (target->before.state == LINK_GONE)
			error = pins_remove_interface(run->instance.pin_dir, target->interface);
		if (!error)
			error = interface_attach(&run->instance, target->interface, target->ifindex,
			                         &target->before, &target->mode);
		target->done = !error;
	}
	return error;
}

/* Maps are filled before a program reads them, and a policy that others already obey
 * changes only when all that is new has worked. New maps take the place of pinned ones when
 * all programs have moved to them: whoever is killed before leaves the old ones, with the
 * permits, and the next attach finds that the programs use others. */
static enum exit_code apply(struct run *run)
{
	bool pin_last = run->instance.other_layout;
	struct xrl_class class;
	__u32 redirect = compose_policy(run, &class);
	enum exit_code error = EXIT_DONE;

	if (!run->had_policy)
		error = instance_publish(&run->instance, &class, redirect);
	if (!error && !pin_last)
		error = instance_pin(&run->instance);
	if (!error)
		error = attach_targets(run);
	if (!error && pin_last)
		error = instance_pin(&run->instance);
	if (!error && run->had_policy)
		error = instance_publish(&run->instance, &class, redirect);
	return error;
}

static enum exit_code attach_locked(struct run *run)
{
	enum exit_code error = pins_check(run->instance.pin_dir);
	__u32 sources;

	if (error)
		return error;
	instance_open(&run->instance, run->instance.pin_dir, run->options.sources);
	sources = run->options.sources ? run->options.sources : instance_sources(&run->instance);
	error = add_named_targets(run);
	if (!error)
		error = instance_complete(&run->instance,
		                          sources ? sources : INSTANCE_DEFAULT_SOURCES,
		                          &run->carried_permits);
	if (!error)
		error = add_strayed_targets(run);
	if (!error)
		error = apply(run);
	if (error)
		undo(run);
	return error;
}

static void print_json(const struct run *run)
{
	json_t *attached = json_array();

	for (int i = 0; i < run->target_count; i++) {
		const struct target *target = &run->targets[i];

		json_array_append_new(attached,
		                      json_pack("{s:s, s:s, s:b}", "interface", target->interface,
		                                "mode", attach_mode_name(target->mode), "replaced",
		                                target->before.state == LINK_ATTACHED));
	}
	output_json(json_pack("{s:o, s:o, s:b, s:I}", "attached", attached, "policy",
	                      policy_json(&run->instance), "layout_changed",
	                      run->instance.other_layout, "permits",
	                      (json_int_t)instance_count_permits(&run->instance)));
}

static void print_text(const struct globals *globals, const struct run *run)
{
	bool own_dir = strcmp(globals->pin_dir, DEFAULT_PIN_DIR);

	for (int i = 0; i < run->target_count; i++) {
		const struct target *target = &run->targets[i];

		printf("%-10s %s, %s mode%s\n", i ? "" : "attached", target->interface,
		       attach_mode_name(target->mode),
		       target->before.state == LINK_ATTACHED
		               ? ", program replaced in place; no packet went unfiltered"
		               : "");
	}
	policy_print(&run->instance);
	if (run->instance.other_layout)
		printf("note       the maps' layout changed: buckets start anew; permits in force: "
		       "%u\n",
		       instance_count_permits(&run->instance));
	printf("undo       xdp-ratelimit%s%s detach", own_dir ? " --pin-dir " : "",
	       own_dir ? globals->pin_dir : "");
	for (int i = 0; i < run->target_count; i++)
		printf(" %s", run->targets[i].interface);
	printf("\n");
}

/* The last detach removes the directory, perhaps between the two steps. */
static enum exit_code lock_pin_dir(const char *pin_dir, int *lock)
{
	enum exit_code error;

	for (int attempt = 0; attempt < 100; attempt++) {
		error = system_prepare_pin_dir(pin_dir, true);
		if (!error)
			error = pins_lock(pin_dir, lock);
		if (error != EXIT_NOT_FOUND)
			return error;
	}
	return fail(EXIT_BUSY, "try again", "the pin directory %s is removed again and again",
	            pin_dir);
}

static enum exit_code run_attach(const struct globals *globals, int argc, char **argv)
{
	struct run run = {};
	enum exit_code error;
	int lock = -1;

	for (int i = 0; i < SHARED_MAPS; i++)
		run.instance.maps[i] = -1;
	run.instance.pin_dir = globals->pin_dir;
	error = attach_options_read(&run.options, argc, argv);
	if (!error)
		error = system_check(true);
	if (!error)
		error = lock_pin_dir(globals->pin_dir, &lock);
	if (!error)
		error = attach_locked(&run);
	if (!error && globals->json)
		print_json(&run);
	else if (!error)
		print_text(globals, &run);
	instance_close(&run.instance);
	free(run.targets);
	if (lock >= 0)
		close(lock);
	return error;
}

const struct command cmd_attach = {
	.name = "attach",
	.usage = "attach IF... [--limit 'N/PERIOD UNIT']... [--action ACTION] [--monitor] "
		 "[--mode auto|native|generic] [--sources N]",
	.summary = "limit what arrives on these interfaces, or change how; it stays until detach",
	.run = run_attach,
};
