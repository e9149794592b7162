/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "user/util/result.h"
#include "user/permits/token.h"

/* Who asks for permits. Only an approved root account may. */

#define ACCOUNT_NAME_SIZE 65
#define ACCOUNT_LOCAL     "local" /* of the local administrator: built in, approved */

struct account {
	__s64 id;
	char name[ACCOUNT_NAME_SIZE];
	char parent[ACCOUNT_NAME_SIZE]; /* empty: a root account */
	bool approved;
	bool has_token;
	__s64 created_unix_ns;
	__u32 permits; /* in force; counted by account_list only */
};

/* All of these report what fails. The store in `state_dir` is made if there is none. */

/* EXIT_NOT_FOUND when there is none of that name. */
enum exit_code account_find(const char *state_dir, const char *name, struct account *account);

/* By a bearer token, compared in constant time. EXIT_NOT_FOUND when it is nobody's. No store is
 * made, and `wait_ms` is how long to wait for a locked one. */
enum exit_code account_authenticate(const char *state_dir, int wait_ms, const char *token,
                                    struct account *account);

/* `parent` may be NULL. */
enum exit_code account_add(const char *state_dir, const char *name, const char *parent,
                           bool approved, char token[TOKEN_SIZE]);

enum exit_code account_approve(const char *state_dir, const char *name, bool approved);

/* The old one is void from then on. */
enum exit_code account_rotate_token(const char *state_dir, const char *name,
                                    char token[TOKEN_SIZE]);

/* In order of name. The caller frees *accounts. */
enum exit_code account_list(const char *state_dir, struct account **accounts, __u32 *count);
