// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/control/detach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "user/datapath/bpffs.h"
#include "user/datapath/link.h"
#include "user/datapath/pin_check.h"
#include "user/datapath/pin_dir.h"
#include "user/datapath/pin_lock.h"
#include "user/permits/permit.h"
#include "user/util/xalloc.h"

static bool has_pins(const char *pin_dir, const char *interface)
{
	struct stat entry;
	pin_path path;

	if (!*interface || strchr(interface, '/') || strlen(interface) >= IF_NAMESIZE)
		return false;
	pin_path_of_link(path, pin_dir, interface, NULL);
	return !stat(path, &entry);
}

static enum exit_code not_attached(const struct detach_request *request, int number)
{
	if (!request->interface_count)
		return fail(EXIT_NOT_FOUND, NULL, "the limiter is not attached to any interface");
	return fail(EXIT_NOT_FOUND, "xdp-ratelimit status shows where it is",
	            "the limiter is not attached to '%.60s'; nothing was changed",
	            request->interfaces[number]);
}

/* Whether the store has every permit of the map, so that the map can go. */
static bool permits_are_stored(const struct permit_context *permits, const struct maps *maps,
                               unsigned int *stored_permits)
{
	struct failure failure;
	struct failure *outer = result_capture(&failure);
	bool restored = maps_take_permits(maps) && !permit_restore(permits, maps);

	*stored_permits = restored ? permit_count_stored(permits->state_dir) : 0;
	result_capture(outer);
	return restored && *stored_permits >= maps_count_permits(maps);
}

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

/* The interfaces of the request that have pins. */
static enum exit_code choose(const struct detach_request *request, struct detach_result *result)
{
	int count = request->interface_count;

	if (!count) {
		count = pin_dir_list_interfaces(request->pin_dir, &result->interfaces);
		result->interface_count = count < 0 ? 0 : count;
		return count < 0 ? fail(EXIT_FAILED, NULL, "cannot read the pin directory %s: %s",
		                        request->pin_dir, strerror(-count))
		                 : EXIT_DONE;
	}
	result->interfaces = xcalloc(count, sizeof(*result->interfaces));
	for (int i = 0; i < count; i++) {
		if (!has_pins(request->pin_dir, request->interfaces[i]))
			return not_attached(request, i);
		strcpy(result->interfaces[result->interface_count++], request->interfaces[i]);
	}
	return EXIT_DONE;
}

static enum exit_code detach_locked(const struct detach_request *request,
                                    struct detach_result *result)
{
	struct settings settings;
	struct permit_context permits = {.pin_dir = request->pin_dir,
	                                 .state_dir = request->state_dir,
	                                 .rules = &settings.permits};
	enum exit_code error = pin_check(request->pin_dir);

	/* not those of the configuration: a broken file must not keep a machine from a detach */
	settings_set_default(&settings);
	if (!error)
		error = choose(request, result);
	for (int i = 0; i < result->interface_count && !error; i++)
		error = link_detach(request->pin_dir, result->interfaces[i]);
	return error ? error : remove_unused(&permits, &result->kept_permits);
}

enum exit_code detach(const struct detach_request *request, struct detach_result *result)
{
	enum exit_code error = bpffs_check_system(true);
	int lock = -1;

	*result = (struct detach_result){};
	if (!error)
		error = bpffs_prepare_pin_dir(request->pin_dir, false);
	if (error)
		return error;
	error = pin_lock(request->pin_dir, PIN_LOCK_LONG_WAIT_MS, &lock);
	if (error == EXIT_NOT_FOUND)
		return not_attached(request, 0);
	if (!error)
		error = detach_locked(request, result);
	if (lock >= 0)
		close(lock);
	if (error)
		detach_release(result);
	return error;
}

void detach_release(struct detach_result *result)
{
	free(result->interfaces);
	*result = (struct detach_result){};
}
