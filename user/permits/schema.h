/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/permits/db.h"

/* Sets up the connection and migrates the tables to this version in one transaction. Rejects a
 * store of a newer version and the database of another program. */
enum exit_code schema_prepare(struct db *db, const char *state_dir);

/* Whether the store has exactly this version. */
bool schema_is_current(struct db *db);
