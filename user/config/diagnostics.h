/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/config/policy_file.h"

/* What was found in a configuration file. */
struct found {
	struct policy_finding finding;
	size_t number; /* in the order they came */
};

struct findings {
	struct found *list;
	size_t count;
	int mistakes; /* of them; the others are warnings */
};

/* End the process when there is no memory. */
void findings_mistake(struct findings *findings, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void findings_warning(struct findings *findings, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* By line, those of one line in the order they came, those of no line last. */
void findings_sort(struct findings *findings);

/* The first mistake of sorted findings. NULL: there is none. */
const struct policy_finding *findings_first_mistake(const struct findings *findings);

void findings_free(struct findings *findings);
