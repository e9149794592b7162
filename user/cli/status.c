// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/control/snapshot.h"
#include "user/datapath/link_info.h"
#include "user/datapath/maps.h"
#include "user/datapath/pin_check.h"
#include "user/output/gate.h"
#include "user/output/policy.h"
#include "user/output/policy_json.h"
#include "user/util/clock.h"

static const char *state_name(const struct link_info *info)
{
	switch (info->state) {
	case LINK_ATTACHED:
		return "attached";
	case LINK_GONE:
		return "interface_gone";
	case LINK_FOREIGN:
		return "foreign";
	default:
		return "interrupted";
	}
}

/* The state of a link that needs attention, and what to do about it. NULL: none does. */
static const char *advice(const char *interface, const struct link_info *info)
{
	if (info->state == LINK_GONE && if_nametoindex(interface))
		return "a new interface of that name is NOT limited; attach it again";
	if (info->state == LINK_GONE)
		return "the interface has gone; detach removes what is left";
	if (info->state == LINK_FOREIGN)
		return "its link is not ours, or this process may not read it (CAP_SYS_ADMIN)";
	if (info->state == LINK_NONE)
		return "left by an interrupted command; attach or detach repairs it";
	if (!info->uses_pinned_maps)
		return "it still runs on older maps; attach again";
	if (info->other_namespace)
		return "it is in another network namespace";
	return NULL;
}

static json_t *interface_json(const char *interface, const struct link_info *info, const char *note)
{
	char since[RESULT_TIME_SIZE];
	json_t *object = json_pack("{s:s, s:s, s:s?}", "interface", interface, "state",
	                           state_name(info), "note", note);

	if (info->state != LINK_ATTACHED)
		return object;
	result_format_time(since, clock_unix_seconds(info->loaded_boot_ns));
	json_object_set_new(object, "mode", json_string(attach_mode_name(info->mode)));
	json_object_set_new(object, "ifindex", json_integer(info->ifindex));
	json_object_set_new(object, "name_now",
	                    *info->name_now ? json_string(info->name_now) : json_null());
	json_object_set_new(object, "program_id", json_integer(info->program_id));
	json_object_set_new(object, "program_version", json_string(info->version));
	json_object_set_new(object, "program_since", json_string(since));
	return object;
}

static void print_interface(const char *interface, const struct link_info *info, const char *note)
{
	char since[RESULT_TIME_SIZE];

	printf("%-10s ", interface);
	if (info->state == LINK_ATTACHED) {
		result_format_time(since, clock_unix_seconds(info->loaded_boot_ns));
		printf("%s mode, program %u%s%s since %s", attach_mode_name(info->mode),
		       info->program_id, *info->version ? ", version " : "", info->version, since);
		if (*info->name_now && strcmp(info->name_now, interface))
			printf(", now called %s", info->name_now);
	} else {
		printf("not attached");
	}
	printf("%s%s\n", note ? "; " : "", note ? note : "");
}

static void print_json(struct snapshot *snapshot, json_t *links)
{
	struct maps *maps = &snapshot->maps;

	result_print(json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:I}", "version", XRL_VERSION,
	                       "pin_dir", result_text(maps->pin_dir), "interfaces", links, "policy",
	                       policy_json(maps), "flood", gate_json(maps), "buckets",
	                       gate_buckets_json(maps), "permits",
	                       (json_int_t)maps_count_permits(maps)));
}

static void print_text(struct snapshot *snapshot)
{
	struct maps *maps = &snapshot->maps;

	if (!snapshot->interface_count)
		printf("not attached to any interface\n");
	if (snapshot->interface_count && maps->incompatible)
		printf("policy     of another version, which this one cannot read\n");
	else if (snapshot->interface_count) {
		policy_print(maps);
		gate_print(maps);
	}
	printf("permits    %u active\n", maps_count_permits(maps));
}

static void show(struct snapshot *snapshot, bool json)
{
	const char *pin_dir = snapshot->maps.pin_dir;
	json_t *links = json ? json_array() : NULL;

	for (int i = 0; i < snapshot->interface_count; i++) {
		const char *interface = snapshot->interfaces[i];
		struct link_info info;
		const char *note;

		link_info_read(pin_dir, interface, &info);
		note = advice(interface, &info);
		if (json)
			json_array_append_new(links, interface_json(interface, &info, note));
		else
			print_interface(interface, &info, note);
	}
	if (snapshot->maps.incompatible)
		warn("the maps in %s are of another version of xdp-ratelimit; attach again to "
		     "replace them",
		     pin_dir);
	if (json)
		print_json(snapshot, links);
	else
		print_text(snapshot);
}

static enum exit_code run_status(const struct globals *globals, int argc, char **argv)
{
	struct snapshot snapshot;
	enum exit_code error;

	if (argc > 1)
		return command_usage(&status_command, "unexpected argument '%s'", argv[1]);
	error = snapshot_open(&snapshot, globals->pin_dir);
	if (error)
		return error;
	error = pin_check(globals->pin_dir);
	if (!error)
		show(&snapshot, globals->json);
	snapshot_close(&snapshot);
	return error;
}

const struct command status_command = {
	.name = "status",
	.usage = "status",
	.summary = "where the limiter is attached, in which mode, and the active policy",
	.run = run_status,
};
