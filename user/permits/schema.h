/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>

#include "user/util/result.h"

struct db;

/* Sets up a connection, and brings the tables to this version in one transaction: nobody sees
 * half of it. A store of a newer version is refused, and so is another program's database. */
enum exit_code schema_prepare(struct db *db, const char *state_dir);

/* A store of just this version. */
bool schema_is_current(struct db *db);
