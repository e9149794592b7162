/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <sys/types.h>

#include "user/util/result.h"

struct identity {
	char name[256];
	uid_t uid;
	gid_t gid;
};

enum exit_code identity_find(struct identity *identity, const char *user);

/* How many files this process and its children may have open: `wanted`, or as many as may be. */
void privileges_allow_files(unsigned long wanted);

/* For good: this user, with no more than what reaches the store and the maps. */
enum exit_code privileges_become(const struct identity *identity);

/* Of the front: none at all. */
enum exit_code privileges_drop_all(void);
