// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/permits/map_sync.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/datapath/generation.h"
#include "user/util/clock.h"
#include "user/util/failpoint.h"
#include "user/policy/gate.h"
#include "user/datapath/gate.h"
#include "user/datapath/permit_map.h"

/* The step of the generation for other permits under the same policy. */
#define PERMITS_STEP 2

static enum exit_code cannot_write(const struct maps *maps, int error)
{
	if (error == E2BIG)
		return fail(EXIT_FAILED,
		            "raise 'entries' of [permits] in the configuration and run attach "
		            "again",
		            "the map permits is full (%u entries); nothing was changed",
		            maps_permit_room(maps));
	return fail(EXIT_FAILED, NULL, "cannot write the map permits: %s; nothing was changed",
	            strerror(error));
}

static __u64 until_boot_ns(const struct permit_entry *entry, const struct wall_clock *clock)
{
	/* permits that ended before boot get no entry */
	return entry->until_unix_ns > clock->boot_unix_ns
	               ? entry->until_unix_ns - clock->boot_unix_ns
	               : 0;
}

/* Makes the program classify known sources again. Without a policy no program reads the maps. */
static int bump_generation(const struct maps *maps)
{
	return generation_has_policy(maps) ? -generation_bump(maps, PERMITS_STEP) : 0;
}

static enum exit_code map_sync_begin(const struct maps *maps)
{
	int error = generation_set_store_change(maps, 0);

	return error ? fail(EXIT_FAILED, NULL, "cannot write the map meta: %s; nothing was changed",
	                    strerror(-error))
	             : EXIT_DONE;
}

enum exit_code map_sync_write(const struct maps *maps, const struct wall_clock *clock,
                              const struct permit_entries *entries)
{
	enum exit_code not_begun = map_sync_begin(maps);
	struct xrl_flood_state *flood = NULL;
	int error = 0;

	if (not_begun)
		return not_begun;
	failpoint("map_marked");
	if (entries->count) {
		flood = gate_expect_permits(maps);
		error = flood ? 0 : errno;
	}
	for (__u32 i = 0; i < entries->count && !error; i++) {
		gate_add_permit(flood, &entries->entries[i].address);
		error = -permit_map_set(maps, &entries->entries[i].address,
		                        until_boot_ns(&entries->entries[i], clock));
		failpoint(i ? "map_written" : "map_first_written");
	}
	maps_munmap(flood, MAP_FLOOD);
	if (!error)
		error = bump_generation(maps);
	failpoint("map_bumped");
	return error ? cannot_write(maps, error) : EXIT_DONE;
}

enum exit_code map_sync_commit(const struct maps *maps, __u64 change)
{
	int error = generation_set_store_change(maps, change);

	return error ? fail(EXIT_FAILED, "the next command repairs the map",
	                    "cannot write the map meta: %s", strerror(-error))
	             : EXIT_DONE;
}

static int compare_entries(const void *a, const void *b)
{
	const struct permit_entry *left = a, *right = b;

	return memcmp(&left->address, &right->address, sizeof(left->address));
}

enum exit_code map_sync_read(const struct maps *maps, const struct wall_clock *clock,
                             struct permit_entries *found)
{
	struct xrl_address *previous = NULL, address;
	__u64 now_ns = clock_boot_ns();
	enum exit_code error = EXIT_DONE;

	while (!error && permit_map_next(maps, previous, &address)) {
		__u64 until_ns;

		previous = &address;
		if (!permit_map_get(maps, &address, &until_ns) || until_ns <= now_ns)
			continue;
		error = permit_entries_add(found, &address);
		if (!error)
			found->entries[found->count - 1].until_unix_ns =
				(__s64)until_ns + clock->boot_unix_ns;
	}
	return error;
}

/* Sets right[i] for each entry that the map has as well; collects those only the map has. */
static enum exit_code compare_map(const struct maps *maps, const struct wall_clock *clock,
                                  const struct permit_entries *all, bool *right,
                                  struct permit_entries *extra)
{
	struct xrl_address *previous = NULL, address;
	enum exit_code error = EXIT_DONE;

	while (!error && permit_map_next(maps, previous, &address)) {
		struct permit_entry wanted = {.address = address}, *entry;
		__u64 until_ns;

		previous = &address;
		entry = all->count ? bsearch(&wanted, all->entries, all->count, sizeof(wanted),
		                             compare_entries)
		                   : NULL;
		if (!entry)
			error = permit_entries_add(extra, &address);
		else if (permit_map_get(maps, &address, &until_ns))
			right[entry - all->entries] = until_ns == until_boot_ns(entry, clock);
	}
	return error;
}

static void drop_right(struct permit_entries *all, const bool *right)
{
	__u32 kept = 0;

	for (__u32 i = 0; i < all->count; i++)
		if (!right[i])
			all->entries[kept++] = all->entries[i];
	all->count = kept;
}

enum exit_code map_sync_repair(const struct maps *maps, const struct wall_clock *clock,
                               struct permit_entries *all, bool synced)
{
	struct permit_entries extra = {};
	bool *right = calloc(all->count + 1, sizeof(*right));
	enum exit_code error;

	if (!right)
		return fail(EXIT_FAILED, NULL, "out of memory");
	if (all->count)
		qsort(all->entries, all->count, sizeof(*all->entries), compare_entries);
	error = compare_map(maps, clock, all, right, &extra);
	if (!error)
		drop_right(all, right);
	/* removals first: they make room */
	if (!error && extra.count)
		error = map_sync_write(maps, clock, &extra);
	/* even without a difference: a writer that died may not have bumped the generation */
	if (!error && (all->count || !synced))
		error = map_sync_write(maps, clock, all);
	permit_entries_free(&extra);
	free(right);
	return error;
}
