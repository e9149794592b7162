// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/permits/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>

#define PREFIX        "xrl_"
#define ID_AT         (sizeof(PREFIX) - 1)
#define ID_LENGTH     (TOKEN_ID_SIZE - 1)
#define SECRET_AT     (ID_AT + ID_LENGTH + 1)
#define SECRET_LENGTH 64
#define DIGITS        "0123456789abcdef"

int token_make(char token[TOKEN_SIZE])
{
	__u8 random[(ID_LENGTH + SECRET_LENGTH) / 2];
	char *at = token + sprintf(token, PREFIX);

	/* up to 256 bytes are never short or interrupted (getrandom(2)) */
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -errno;
	for (size_t i = 0; i < sizeof(random); i++) {
		if (i == ID_LENGTH / 2)
			*at++ = '_';
		at += sprintf(at, "%02x", random[i]);
	}
	explicit_bzero(random, sizeof(random));
	return 0;
}

bool token_id(const char *token, char id[TOKEN_ID_SIZE])
{
	if (strlen(token) != TOKEN_SIZE - 1 || strncmp(token, PREFIX, ID_AT) ||
	    strspn(token + ID_AT, DIGITS) != ID_LENGTH || token[SECRET_AT - 1] != '_' ||
	    strspn(token + SECRET_AT, DIGITS) != SECRET_LENGTH)
		return false;
	memcpy(id, token + ID_AT, ID_LENGTH);
	id[ID_LENGTH] = '\0';
	return true;
}

void token_hash(const char token[TOKEN_SIZE], __u8 hash[TOKEN_HASH_SIZE])
{
	struct sha256_ctx sha256;

	sha256_init(&sha256);
	sha256_update(&sha256, SECRET_LENGTH, (const __u8 *)token + SECRET_AT);
	sha256_digest(&sha256, TOKEN_HASH_SIZE, hash);
	explicit_bzero(&sha256, sizeof(sha256));
}

bool token_hash_is(const __u8 a[TOKEN_HASH_SIZE], const __u8 b[TOKEN_HASH_SIZE])
{
	return memeql_sec(a, b, TOKEN_HASH_SIZE);
}
