/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/permits/db.h"

/* The store keeps wall-clock times, which survive a reboot; the map keeps boot times, which
 * cannot be stepped. The store records the difference, `boot_unix_ns`:
 *
 *        wall clock  ----------+===========o-----------+=========o---->
 *                              |           | stepped   |         |
 *        boot time             0 ======================          0 ====>
 *                              boot                 power off    boot
 *
 * After a step of the clock (o) every time in the store moves along, none in the map does. After
 * a reboot the stored times stay, and the map gets what is left of each permit. */
struct wall_clock {
	__s64 boot_unix_ns;
};

/* Moves the times in the store to today's wall clock, within a transaction. If the clock went
 * back over a reboot, stored times continue from the last write, so that no permit lasts longer
 * than it had left then. */
enum exit_code wall_clock_adjust(struct db *db, struct wall_clock *clock);

/* Reads the difference that was stored last. */
enum exit_code wall_clock_read(struct db *db, struct wall_clock *clock);

__s64 wall_clock_now_ns(const struct wall_clock *clock);
