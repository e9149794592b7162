/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "user/permits/token.h"
#include "user/permits/types.h"
#include "user/util/result.h"

/* Accounts. Only approved root accounts may request permits. */

struct account {
	__s64 id;
	char name[ACCOUNT_NAME_SIZE];
	char parent[ACCOUNT_NAME_SIZE]; /* empty: a root account */
	bool approved;
	bool has_token;
	__s64 created_unix_ns;
	__u32 permits; /* active ones; filled in by account_list() only */
};

/* Each of these is a transaction of its own and reports its failures. All but
 * account_authenticate() create the store if there is none. */

/* EXIT_NOT_FOUND: no account of that name. */
enum exit_code account_find(const char *state_dir, const char *name, struct account *account);

/* Finds the account of a bearer token, compared in constant time. EXIT_NOT_FOUND: invalid token.
 * `wait_ms`: how long to wait for a locked store. */
enum exit_code account_authenticate(const char *state_dir, int wait_ms, const char *token,
                                    struct account *account);

/* `parent` may be NULL. */
enum exit_code account_add(const char *state_dir, const char *name, const char *parent,
                           bool approved, char token[TOKEN_SIZE]);

enum exit_code account_approve(const char *state_dir, const char *name, bool approved);

/* Invalidates the old token. */
enum exit_code account_rotate_token(const char *state_dir, const char *name,
                                    char token[TOKEN_SIZE]);

/* Sorted by name. The caller frees *accounts. */
enum exit_code account_list(const char *state_dir, struct account **accounts, __u32 *count);

/* These run within the caller's transaction. */
struct db;

enum exit_code account_read(struct db *db, const char *name, struct account *account);

/* EXIT_NOT_ALLOWED: the account is built in or has sub-accounts. */
enum exit_code account_check_removable(struct db *db, const struct account *account);

/* Deletes the account with its token, requests and permits. */
enum exit_code account_delete(struct db *db, const struct account *account);
