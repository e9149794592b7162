// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "user/cli/command.h"
#include "user/datapath/bpffs.h"
#include "user/datapath/link.h"
#include "user/datapath/maps.h"
#include "user/datapath/pin_check.h"
#include "user/datapath/pin_dir.h"
#include "user/datapath/pin_lock.h"
#include "user/permits/permit.h"

static bool has_pins(const char *pin_dir, const char *interface)
{
	struct stat entry;
	pin_path path;

	if (!*interface || strchr(interface, '/') || strlen(interface) >= IF_NAMESIZE)
		return false;
	pin_path_of_link(path, pin_dir, interface, NULL);
	return !stat(path, &entry);
}

static enum exit_code not_attached(const char *interface)
{
	return fail(EXIT_NOT_FOUND, "xdp-ratelimit status shows where it is",
	            "the limiter is not attached to '%.60s'; nothing was changed", interface);
}

/* Whether every permit of the map is in the store as well, so that the map can go. */
static bool permits_are_stored(const struct permit_context *permits, const struct maps *maps,
                               unsigned int *stored_permits)
{
	struct failure failure;
	struct failure *usual = result_capture(&failure);
	bool mended = maps_take_permits(maps) && !permit_restore(permits, maps);

	*stored_permits = mended ? permit_count_stored(permits->state_dir) : 0;
	result_capture(usual);
	return mended && *stored_permits >= maps_count_permits(maps);
}

/* With the last interface go the shared maps, but never a permit that is in force. */
static enum exit_code remove_unused(const struct permit_context *permits,
                                    unsigned int *kept_permits)
{
	struct maps maps;
	bool keep;
	char(*left)[IF_NAMESIZE];
	int count = pin_dir_list_interfaces(permits->pin_dir, &left);

	free(left);
	*kept_permits = 0;
	if (count)
		return EXIT_DONE;
	maps_open(&maps, permits->pin_dir, 0, 0);
	keep = !permits_are_stored(permits, &maps, kept_permits) && maps_may_hold_permits(&maps);
	if (keep)
		*kept_permits = maps_count_permits(&maps);
	maps_close(&maps);
	return pin_dir_remove_maps(permits->pin_dir, keep);
}

static enum exit_code detach_locked(const char *pin_dir, char **names, int count)
{
	enum exit_code error = pin_check(pin_dir);

	for (int i = 0; i < count && !error; i++)
		if (!has_pins(pin_dir, names[i]))
			error = not_attached(names[i]);
	for (int i = 0; i < count && !error; i++)
		error = link_detach(pin_dir, names[i]);
	return error;
}

static void print_result(const struct globals *globals, char **names, int count,
                         unsigned int kept_permits)
{
	if (globals->json) {
		json_t *detached = json_array();

		for (int i = 0; i < count; i++)
			json_array_append_new(detached, json_string(names[i]));
		result_print(json_pack("{s:o, s:I}", "detached", detached, "kept_permits",
		                       (json_int_t)kept_permits));
		return;
	}
	for (int i = 0; i < count; i++)
		printf("%-10s %s\n", i ? "" : "detached", names[i]);
	if (kept_permits)
		printf("kept       %u permit%s, for the next attach\n", kept_permits,
		       kept_permits == 1 ? "" : "s");
}

/* The interfaces that are meant: those named, or all. */
static enum exit_code choose(const struct globals *globals, bool all, int argc, char **argv,
                             char ***names, int *count)
{
	char(*interfaces)[IF_NAMESIZE];

	if (!all) {
		*names = argv;
		*count = argc;
		return EXIT_DONE;
	}
	*count = pin_dir_list_interfaces(globals->pin_dir, &interfaces);
	if (*count < 0)
		return fail(EXIT_FAILED, NULL, "cannot read the pin directory %s",
		            globals->pin_dir);
	/* none: what an interrupted command left in the directory goes all the same */
	*names = calloc(*count + 1, sizeof(**names));
	for (int i = 0; *names && i < *count; i++)
		(*names)[i] = interfaces[i];
	return *names ? EXIT_DONE : fail(EXIT_FAILED, NULL, "out of memory");
}

static enum exit_code run_detach(const struct globals *globals, int argc, char **argv)
{
	static const struct option known[] = {{"all", no_argument, NULL, 'a'}, {}};
	struct settings config;
	struct permit_context permits = {.pin_dir = globals->pin_dir,
	                                 .state_dir = globals->state_dir,
	                                 .rules = &config.permits};
	unsigned int kept_permits;
	enum exit_code error;
	bool all = false;
	char **names;
	int option, count, lock;

	optind = 1;
	while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (option != 'a')
			return command_usage(&detach_command, "unknown option '%s'",
			                     argv[optind - 1]);
		all = true;
	}
	if (all == (optind < argc))
		return command_usage(&detach_command, "name the interfaces, or say --all");
	settings_set_default(&config); /* detach obeys no file that may be broken */
	error = bpffs_check_system(true);
	if (!error)
		error = bpffs_prepare_pin_dir(globals->pin_dir, false);
	if (error)
		return error;
	error = pin_lock(globals->pin_dir, PIN_LOCK_LONG_WAIT_MS, &lock);
	if (error == EXIT_NOT_FOUND)
		return all ? fail(error, NULL, "the limiter is not attached to any interface")
		           : not_attached(argv[optind]);
	if (!error)
		error = choose(globals, all, argc - optind, argv + optind, &names, &count);
	if (!error)
		error = detach_locked(globals->pin_dir, names, count);
	if (!error)
		error = remove_unused(&permits, &kept_permits);
	if (!error)
		print_result(globals, names, count, kept_permits);
	return error;
}

const struct command detach_command = {
	.name = "detach",
	.usage = "detach IF... | --all",
	.summary = "let everything through again on these interfaces; permits in force are kept",
	.run = run_detach,
};
