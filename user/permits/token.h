/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

/* Bearer tokens (RFC 6750): "xrl_", the id of 16 hexadecimal digits, "_" and the secret of 64. The
 * store keeps only the id and a SHA-256 of the secret: 256 random bits need no salt. */

#define TOKEN_ID_SIZE   17 /* including the NUL */
#define TOKEN_SIZE      (4 + 16 + 1 + 64 + 1)
#define TOKEN_HASH_SIZE 32

/* 0 or -errno. */
int token_make(char token[TOKEN_SIZE]);

/* The id of a token. False: malformed. */
bool token_id(const char *token, char id[TOKEN_ID_SIZE]);

void token_hash(const char token[TOKEN_SIZE], __u8 hash[TOKEN_HASH_SIZE]);

/* In constant time. */
bool token_hash_is(const __u8 a[TOKEN_HASH_SIZE], const __u8 b[TOKEN_HASH_SIZE]);
