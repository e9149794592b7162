/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/permits/store.h"

/* The store speaks of moments by the wall clock, which survives a reboot; the map of boot time,
 * which nobody can step. Between the two lies `boot_unix_ns`, and it is kept in the store:
 *
 *        wall clock  ----------+===========o-----------+=========o---->
 *                              |           | stepped   |         |
 *        boot time             0 ======================          0 ====>
 *                              boot                 power off    boot
 *
 * When the clock was stepped (o), every moment in the store moves along, and none in the map.
 * After another boot the moments stay, and the map gets what is left of them. */
struct wall_clock {
	__s64 boot_unix_ns;
};

/* Sees to it that the store's moments agree with today's wall clock. Within a transaction.
 * A wall clock that has gone back over a reboot goes on, for the store, from when it was last
 * written: nothing lasts longer than was left of it then. */
enum exit_code wall_clock_adjust(struct db *db, struct wall_clock *clock);

/* As it was adjusted last. */
enum exit_code wall_clock_read(struct db *db, struct wall_clock *clock);

__s64 wall_clock_now_ns(const struct wall_clock *clock);
