/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/permits/account.h"
#include "user/permits/store.h"

/* What is done to accounts together with their permits, within the caller's transaction. */

enum exit_code account_read(struct db *db, const char *name, struct account *account);

/* EXIT_NOT_ALLOWED: the built-in one, or one with sub-accounts. */
enum exit_code account_check_removable(struct db *db, const struct account *account);

/* With everything that hangs on it. */
enum exit_code account_delete(struct db *db, const struct account *account);
