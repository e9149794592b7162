/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>

#include "user/util/result.h"

struct store;

/* Sets up a connection, and brings the tables to this version in one transaction: nobody sees
 * half of it. A store of a newer version is refused, and so is another program's database. */
enum exit_code store_schema_prepare(struct store *store, const char *state_dir);

/* A store of just this version. */
bool store_schema_is_known(struct store *store);
