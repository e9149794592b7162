/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <net/if.h>

#include "user/datapath/maps.h"

/* A consistent view of a pin directory for commands that only read: locked against changes until
 * snapshot_close(). */
struct snapshot {
	struct maps maps;
	char (*interfaces)[IF_NAMESIZE]; /* with pins, sorted */
	int interface_count;
	int lock; /* -1: there is no directory, or it stayed busy, with a warning */
};

/* Checks the machine first. On failure there is nothing to close. */
enum exit_code snapshot_open(struct snapshot *snapshot, const char *pin_dir);

/* Reports a limiter that is not attached, or maps of another version. */
enum exit_code snapshot_check_attached(const struct snapshot *snapshot);

void snapshot_close(struct snapshot *snapshot);
