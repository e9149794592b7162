/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"
#include "user/permits/entries.h"
#include "user/permits/wall_clock.h"

/* Copies permits from the store to the map `permits`, which the program reads. Callers hold the
 * lock of the pin directory, which keeps out other changes of permits and of the policy. */

/* Marks the map as being changed, writes or removes the entries, and makes the program classify
 * known sources again. The mark stays until map_sync_commit(). On failure (most often a full
 * map), some entries may have been written. */
enum exit_code map_sync_write(const struct maps *maps, const struct wall_clock *clock,
                              const struct permit_entries *entries);

/* Records that the map matches the store as of `change`. */
enum exit_code map_sync_commit(const struct maps *maps, __u64 change);

/* Reads the entries of the map that have not expired. */
enum exit_code map_sync_read(const struct maps *maps, const struct wall_clock *clock,
                             struct permit_entries *found);

/* Compares the whole map with the store and corrects every difference. `synced`: the last write
 * completed, so known sources need not be classified again unless something differs. */
enum exit_code map_sync_repair(const struct maps *maps, const struct wall_clock *clock,
                               struct permit_entries *all, bool synced);
