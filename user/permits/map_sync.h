/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"
#include "user/permits/permit_rows.h"
#include "user/permits/wall_clock.h"

/* The permits that the program obeys: the map `permits` follows the store. Hold the lock of the
 * pin directory: neither another change nor a policy may come in between. */

/* Puts these in force, or out of force, and makes known sources look again. Until the map is
 * said to be settled, nobody takes it for what the store says. Reports what fails, above all
 * that the map is full; then some may have been changed. */
enum exit_code map_sync_write(const struct instance *instance, const struct wall_clock *clock,
                              const struct permit_entries *entries);

/* It holds what the store says as of `change`. */
enum exit_code map_sync_commit(const struct instance *instance, __u64 change);

/* What the map holds and has not run out. */
enum exit_code map_sync_read(const struct instance *instance, const struct wall_clock *clock,
                             struct permit_entries *found);

/* Makes the whole map what the store says, whatever it holds. `settled`: somebody came to the end
 * of writing it, so that there is nothing to announce unless something differs. */
enum exit_code map_sync_repair(const struct instance *instance, const struct wall_clock *clock,
                               struct permit_entries *all, bool synced);
