/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <jansson.h>
#include <linux/types.h>

/* What fronts have asked and the keeper has not come to yet, in order. */

#define QUESTIONS_MAX 1024

struct question {
	__u32 front; /* its serial */
	json_t *json;
};

struct questions {
	struct question ring[QUESTIONS_MAX];
	unsigned int first, count;
};

/* Takes `json` over if there is room; false otherwise. */
bool questions_add(struct questions *questions, __u32 front, json_t *json);

/* The caller releases question->json. */
bool questions_take(struct questions *questions, struct question *question);
