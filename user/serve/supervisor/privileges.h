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

/* Sets the limit of open files of this process and its children: `wanted`, or the most possible. */
void privileges_allow_files(unsigned long wanted);

/* Becomes this user irrevocably, with only the capabilities that store and maps require. */
enum exit_code privileges_become(const struct identity *identity);

/* For the frontend: drops all capabilities. */
enum exit_code privileges_drop_all(void);
