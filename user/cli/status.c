// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/datapath/link_info.h"
#include "user/datapath/maps.h"
#include "user/datapath/pin_check.h"
#include "user/datapath/pin_dir.h"
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

/* What the operator should know and do about it, or NULL. */
static const char *advice(const char *interface, const struct link_info *info)
{
	if (info->state == LINK_GONE && if_nametoindex(interface))
		return "a new interface of that name is NOT limited; attach it again";
	if (info->state == LINK_GONE)
		return "the interface went away; detach removes what is left";
	if (info->state == LINK_FOREIGN)
		return "its link is not ours, or this process may not look at it (CAP_SYS_ADMIN)";
	if (info->state == LINK_NONE)
		return "left by an interrupted command; attach or detach mends it";
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

static void show(const struct globals *globals, struct maps *maps, char (*interfaces)[IF_NAMESIZE],
                 int count)
{
	json_t *list = globals->json ? json_array() : NULL;
	unsigned int permits = maps_count_permits(maps);

	for (int i = 0; i < count; i++) {
		struct link_info info;
		const char *note;

		link_info_read(globals->pin_dir, interfaces[i], &info);
		note = advice(interfaces[i], &info);
		if (list)
			json_array_append_new(list, interface_json(interfaces[i], &info, note));
		else
			print_interface(interfaces[i], &info, note);
	}
	if (maps->incompatible)
		warn("the maps in %s are of another version of xdp-ratelimit; attach again to "
		     "replace them",
		     globals->pin_dir);
	if (list) {
		result_print(json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:I}", "version",
		                       XRL_VERSION, "pin_dir", result_text(globals->pin_dir),
		                       "interfaces", list, "policy", policy_json(maps), "flood",
		                       gate_json(maps), "buckets", gate_buckets_json(maps),
		                       "permits", (json_int_t)permits));
		return;
	}
	if (!count)
		printf("not attached to any interface\n");
	if (count && maps->incompatible)
		printf("policy     of the other version, which this one can't read\n");
	else if (count) {
		policy_print(maps);
		gate_print(maps);
	}
	printf("permits    %u in force\n", permits);
}

static enum exit_code run_status(const struct globals *globals, int argc, char **argv)
{
	char(*interfaces)[IF_NAMESIZE];
	struct maps maps;
	enum exit_code error;
	int count;

	if (argc > 1)
		return command_usage(&status_command, "unexpected argument '%s'", argv[1]);
	error = command_begin_reading(globals);
	if (!error)
		error = pin_check(globals->pin_dir);
	if (error)
		return error;
	count = pin_dir_list_interfaces(globals->pin_dir, &interfaces);
	if (count < 0)
		return fail(EXIT_FAILED, NULL, "cannot read the pin directory %s: %s",
		            globals->pin_dir, strerror(-count));
	maps_open(&maps, globals->pin_dir, 0, 0);
	show(globals, &maps, interfaces, count);
	maps_close(&maps);
	free(interfaces);
	return EXIT_DONE;
}

const struct command status_command = {
	.name = "status",
	.usage = "status",
	.summary = "where the limiter is attached, in which mode, and the policy in force",
	.run = run_status,
};
